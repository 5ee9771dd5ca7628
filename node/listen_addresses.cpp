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

bool asks_for_default(const std::vector<std::string>& texts) {
  return texts.size() == 1 && texts.front() == kListenDefault;
}

Result<Endpoint> door_address(std::string_view text) {
  constexpr std::string_view kLocalhost = "localhost:";
  std::string_view port = text;
  if (port.starts_with(kLocalhost)) port.remove_prefix(kLocalhost.size() - 1);
  std::string full(text);
  if (!port.contains(':')) full = "127.0.0.1:" + std::string(port);
  if (port.starts_with(':')) full = "127.0.0.1" + std::string(port);
  auto address = endpoint_from_text(full);
  if (!address)
    return fail(Errc::Usage, "\"" + std::string(text.substr(0, 80)) +
                                 "\" is not an address to listen at: " + address.error().detail);
  return address;
}

}  // namespace weft::node
