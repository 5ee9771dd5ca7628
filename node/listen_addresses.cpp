#include "node/listen_addresses.hpp"

#include <algorithm>

namespace weft::node {

Result<ListenPlaces> listen_places(const std::vector<std::string>& texts) {
  ListenPlaces out;
  for (const auto& text : texts) {
    std::string_view place = text;
    auto* all = &out.udp;
    for (auto [prefix, of_kind] : {std::pair{std::string_view(kListenTcp), &out.tcp},
                                   std::pair{std::string_view(kListenWss), &out.wss}}) {
      if (!place.starts_with(prefix)) continue;
      place.remove_prefix(prefix.size());
      all = of_kind;
      break;
    }
    const auto address = endpoint_from_text(place);
    if (!address) return fail(Errc::Usage, "\"" + text + "\": " + address.error().detail);
    if (address->port != 0 && std::ranges::find(*all, *address) != all->end())
      return fail(Errc::Usage, "\"" + text + "\" is given twice");
    all->push_back(*address);
  }
  if (const auto most = std::max({out.udp.size(), out.tcp.size(), out.wss.size()});
      most > kMostListenAddresses)
    return fail(Errc::Usage, std::to_string(most) + " addresses; a node listens at " +
                                 std::to_string(kMostListenAddresses) + " at most");
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
