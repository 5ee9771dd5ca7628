#include "node/host_name.hpp"

#include <unistd.h>

namespace weft::node {

std::string host_label() {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) return "node";
  std::string out;
  for (const char* at = host; *at != 0 && *at != '.' && out.size() < 63; ++at) {
    const char c = *at >= 'A' && *at <= 'Z' ? static_cast<char>(*at - 'A' + 'a') : *at;
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    out.push_back(plain ? c : '-');
  }
  while (!out.empty() && out.front() == '-') out.erase(out.begin());
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "node" : out;
}

}  // namespace weft::node
