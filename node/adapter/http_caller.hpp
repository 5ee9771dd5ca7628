// Who asks an http service, as the node that it runs on knows it.
#pragma once

#include <string>

namespace weft::adapter {

struct HttpCaller {
  std::string who;      // "laptop wf1..."; empty: nobody is named
  std::string network;  // in which the caller is called so
};

}  // namespace weft::adapter
