#include "node/name_doors.hpp"

#include <algorithm>
#include <utility>

namespace weft::node {

namespace {

constexpr std::uint32_t kNet = 0x7f4d0000;  // 127.77.0.0/16
constexpr std::uint32_t kHosts = 0xfffe;
constexpr int kAddressesTried = 8;

std::uint32_t hash_of(const std::string& name) {
  std::uint32_t out = 0x811c9dc5;  // FNV-1a: the same after a restart
  for (const char c : name) out = (out ^ static_cast<unsigned char>(c)) * 0x01000193U;
  return out ^ (out >> 16);
}

}  // namespace

NameDoors::~NameDoors() { *alive_ = false; }

void NameDoors::close() { places_.clear(); }

std::size_t NameDoors::doors() const {
  std::size_t out = 0;
  for (const auto& [name, place] : places_) out += place.doors.size();
  return out;
}

bool NameDoors::taken(std::uint32_t address) const {
  return std::ranges::any_of(places_,
                             [&](const auto& entry) { return entry.second.address == address; });
}

std::optional<std::uint32_t> NameDoors::address_of(const std::string& name,
                                                   const std::vector<Service>& services) {
  const auto room = kMaxDoors - std::min(kMaxDoors, doors());
  if (const auto at = places_.find(name); at != places_.end()) {
    open(at->second, services, room);
    return at->second.address;
  }
  if (places_.size() >= kMaxNames) return std::nullopt;
  auto host = hash_of(name);
  for (int i = 0; i < kAddressesTried; ++i, ++host) {
    Place place{kNet + 1 + host % kHosts, {}};
    if (taken(place.address)) continue;
    open(place, services, room);
    if (place.doors.empty()) continue;
    return places_.emplace(name, std::move(place)).first->second.address;
  }
  return std::nullopt;
}

// A port that only root may have is left out: the others stand.
void NameDoors::open(Place& place, const std::vector<Service>& services, std::size_t room) {
  for (const auto& service : services)
    for (const auto port : service.ports) {
      if (port == 0 || place.doors.contains(port) || room == 0) continue;
      auto door = adapter::TcpDoor::listen(
          loop_, Endpoint::v4(place.address, port), adapter::IfTaken::Fail,
          [this, name = service.name, node = service.node](io::UniqueFd client, const Endpoint&) {
            on_client(name, node, std::move(client));
          });
      if (!door) continue;
      place.doors.emplace(port, std::move(*door));
      --room;
    }
}

void NameDoors::on_client(const std::string& service, const std::string& node,
                          io::UniqueFd client) {
  if (waiting_ >= kMaxWaiting) return;
  ++waiting_;
  const auto held = std::make_shared<io::UniqueFd>(std::move(client));
  gateway_.open_pipe(
      service, node, kOpenLimit, [this, alive = alive_, held, service, node](const auto& result) {
        if (!*alive) return;
        --waiting_;
        if (result) return gateway_.adopt(*result, std::move(*held), {});
        gateway_.record({}, events::ConnectFailed{service, node, result.error().error.detail});
      });
}

}  // namespace weft::node
