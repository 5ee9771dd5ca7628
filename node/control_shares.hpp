// Access that ends by itself: what `weft share` asks of the overlay, in the API's words.
#pragma once

#include "node/api/route.hpp"
#include "node/control_commands.hpp"

namespace weft::node {

class SharesControl {
 public:
  SharesControl(overlay::Overlay& overlay, Commands& commands)
      : overlay_(overlay), commands_(commands) {}

  void list(api::Call& call) const;  // weft.shares/1
  void share(api::Call& call);       // weft.share/1
  void unshare(api::Call& call);

 private:
  overlay::Overlay& overlay_;
  Commands& commands_;
};

}  // namespace weft::node
