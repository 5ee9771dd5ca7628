#include "node/listen_addresses.hpp"

#include <algorithm>

namespace weft::node {

Result<std::vector<Endpoint>> listen_addresses(const std::vector<std::string>& texts) {
  if (texts.size() > kMostListenAddresses)
    return fail(Errc::Usage, std::to_string(texts.size()) + " addresses; a node listens at " +
                                 std::to_string(kMostListenAddresses) + " at most");
  std::vector<Endpoint> out;
  for (const auto& text : texts) {
    const auto address = endpoint_from_text(text);
    if (!address) return fail(Errc::Usage, "\"" + text + "\": " + address.error().detail);
    if (address->port != 0 && std::ranges::find(out, *address) != out.end())
      return fail(Errc::Usage, "\"" + text + "\" is given twice");
    out.push_back(*address);
  }
  return out;
}

}  // namespace weft::node
