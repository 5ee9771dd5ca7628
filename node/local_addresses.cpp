#include "node/local_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>

#include "node/route_facts.hpp"

namespace weft::node {

namespace {

// IFF_LOWER_UP of linux/if.h, which net/if.h does not go with. True at once when a cable is there;
// IFF_RUNNING may follow a second later.
constexpr unsigned kLowerUp = 1u << 16;
constexpr std::size_t kPlacesOfFamily = 3;  // kept for the family that has the worse addresses

std::optional<Endpoint> endpoint_of(const sockaddr* at) {
  if (at == nullptr) return std::nullopt;
  if (at->sa_family == AF_INET)
    return Endpoint::v4(ntohl(reinterpret_cast<const sockaddr_in*>(at)->sin_addr.s_addr), 0);
  if (at->sa_family != AF_INET6) return std::nullopt;
  Endpoint out;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(at);
  std::copy_n(v6->sin6_addr.s6_addr, 16, out.address.begin());
  return out;
}

// A bridge without ports claims a carrier on some kernels.
bool leads_nowhere(const std::string& interface) {
  std::error_code failed;
  const std::filesystem::directory_iterator ports("/sys/class/net/" + interface + "/brif", failed);
  return !failed && ports == std::filesystem::directory_iterator();
}

void add_new(const Endpoint& endpoint, std::vector<Endpoint>& out) {
  if (std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
}

}  // namespace

bool of_containers(const std::string& interface) {
  constexpr std::array<std::string_view, 8> kPrefixes{"docker", "virbr", "cni",     "podman",
                                                      "lxcbr",  "lxdbr", "incusbr", "cali"};
  if (std::ranges::any_of(kPrefixes, [&](auto prefix) { return interface.starts_with(prefix); }))
    return true;
  constexpr std::size_t kDockerId = 12;  // br-0123456789ab
  return interface.starts_with("br-") && interface.size() == 3 + kDockerId &&
         interface.find_first_not_of("0123456789abcdef", 3) == std::string::npos;
}

std::vector<LocalAddress> machine_addresses() {
  std::vector<LocalAddress> out;
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(raw, freeifaddrs);
  const RouteFacts facts = route_facts();
  for (const ifaddrs* at = raw; at != nullptr; at = at->ifa_next) {
    const auto endpoint = endpoint_of(at->ifa_addr);
    if (!endpoint || (at->ifa_flags & IFF_UP) == 0) continue;
    LocalAddress one;
    one.endpoint = *endpoint;
    one.interface = if_nametoindex(at->ifa_name);
    one.name = at->ifa_name;
    one.carrier = (at->ifa_flags & (IFF_RUNNING | kLowerUp)) != 0 && !leads_nowhere(one.name);
    one.multicast = (at->ifa_flags & IFF_MULTICAST) != 0;
    one.routed = facts.default_routes.contains({endpoint->is_v4(), one.interface});
    const auto flags = facts.flags.find(*endpoint);
    if (flags != facts.flags.end()) {
      one.deprecated = (flags->second & IFA_F_DEPRECATED) != 0;
      one.temporary = !endpoint->is_v4() && (flags->second & IFA_F_TEMPORARY) != 0;
    }
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<Endpoint> best_of(std::vector<LocalAddress> all) {
  std::erase_if(all, [](const LocalAddress& a) {
    return a.endpoint.is_link_local() || (!a.carrier && !a.endpoint.is_loopback());
  });
  const auto last_resort = [](const LocalAddress& a) {
    return a.endpoint.is_loopback() || (of_containers(a.name) && !a.routed);
  };
  if (!std::ranges::all_of(all, last_resort)) std::erase_if(all, last_resort);
  const auto worth = [](const LocalAddress& a) {
    return std::tuple(a.endpoint.is_loopback(), a.deprecated, !a.routed, a.temporary,
                      a.endpoint.is_private());
  };
  std::ranges::stable_sort(all, {}, worth);
  std::map<std::pair<bool, unsigned>, unsigned> seen;  // so many of this family and interface
  std::vector<std::pair<unsigned, const LocalAddress*>> turns;
  turns.reserve(all.size());
  for (const auto& a : all) turns.emplace_back(seen[{a.endpoint.is_v4(), a.interface}]++, &a);
  std::ranges::stable_sort(turns, {}, [](const auto& turn) {
    const LocalAddress& a = *turn.second;
    return std::tuple(a.endpoint.is_loopback(), a.deprecated, !a.routed, turn.first,
                      a.endpoint.is_private());
  });
  const auto count = [&](bool v4) {
    return static_cast<std::size_t>(
        std::ranges::count(all, v4, [](const LocalAddress& a) { return a.endpoint.is_v4(); }));
  };
  std::array<std::size_t, 2> left{};  // places, of IPv6 and of IPv4
  for (const bool v4 : {false, true}) {
    left[v4] = kMostEndpoints - std::min(kPlacesOfFamily, count(!v4));
  }
  std::vector<Endpoint> out;
  for (const auto& [nth, a] : turns) {
    auto& places = left[a->endpoint.is_v4()];
    if (places == 0 || out.size() == kMostEndpoints) continue;
    --places;
    add_new(a->endpoint, out);
  }
  return out;
}

std::vector<Endpoint> local_endpoints(const std::vector<Endpoint>& bound) {
  std::vector<Endpoint> out;
  for (const Endpoint& one : bound)
    if (!one.is_unspecified()) add_new(one, out);
  std::vector<std::vector<Endpoint>> each;  // of the sockets that listen everywhere
  for (const Endpoint& one : bound) {
    if (!one.is_unspecified()) continue;
    auto all = machine_addresses();
    if (one.is_v4()) std::erase_if(all, [](const auto& a) { return !a.endpoint.is_v4(); });
    each.push_back(best_of(std::move(all)));
    for (auto& endpoint : each.back()) endpoint.port = one.port;
  }
  for (std::size_t i = 0; i < kMostEndpoints; ++i)  // in turn: none takes all places
    for (const auto& list : each)
      if (i < list.size()) add_new(list[i], out);
  if (out.size() > kMostEndpoints) out.resize(kMostEndpoints);
  return out;
}

bool reachable_from_others(const std::vector<Endpoint>& endpoints) {
  return std::ranges::any_of(endpoints, [](const Endpoint& e) { return !e.is_loopback(); });
}

}  // namespace weft::node
