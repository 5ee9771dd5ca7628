// One home router's address translator, in the words of RFC 4787 (behaviour) and RFC 4787 4.2
// (ports). A state machine that is told the time: it never reads a clock.
// Limits: `quota` mappings; when full, new flows are refused (and counted), as carrier NATs do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

// What a mapping or a filter depends on (RFC 4787 4.1, 5).
enum class NatScope : std::uint8_t { EndpointIndependent, Address, AddressAndPort };
enum class NatPorts : std::uint8_t { Preserve, Sequential, Random };

struct NatBehavior {
  NatScope mapping = NatScope::EndpointIndependent;
  NatScope filtering = NatScope::AddressAndPort;
  NatPorts ports = NatPorts::Preserve;
  Duration timeout = 120s;
  std::uint16_t quota = 1024;
  bool hairpin = false;
  bool inbound_refresh = false;  // RFC 4787 REQ-6 asks for outbound only
};

// "full_cone", "restricted", "port_restricted", "symmetric", "cgnat".
std::optional<NatBehavior> nat_behavior_named(std::string_view name);

class NatModel {
 public:
  struct Inside {
    std::uint32_t node = 0;
    std::uint16_t port = 0;
    bool operator==(const Inside&) const = default;
  };
  struct Counters {
    std::uint64_t refused = 0;   // quota
    std::uint64_t filtered = 0;  // inbound with no permission
    std::uint64_t expired = 0;
  };

  NatModel(const NatBehavior& behavior, std::uint64_t seed);

  // The public port this datagram leaves from; nullopt: dropped.
  std::optional<std::uint16_t> outbound(Instant now, const Inside& from, const Endpoint& to);
  // Who inside gets it; nullopt: dropped.
  std::optional<Inside> inbound(Instant now, std::uint16_t public_port, const Endpoint& from);
  // A port the owner opened by hand (PCP, UPnP): open to everybody and kept.
  void open_port(const Inside& inside, std::uint16_t public_port);
  // The same for a node that has moved: the port it opened follows it.
  void reopen(const Inside& before, const Inside& after);
  // A reboot: everything learnt is gone, opened ports stay.
  void forget();

  [[nodiscard]] const NatBehavior& behavior() const { return behavior_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t mappings() const { return mappings_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Permission {
    Endpoint remote;
    Instant expires;
  };
  struct Mapping {
    Inside inside;
    Endpoint remote;  // what the mapping's scope needs of it, zero elsewhere
    std::uint16_t public_port = 0;
    bool permanent = false;
    Instant expires;
    std::vector<Permission> permitted;
  };
  static Endpoint scoped(NatScope scope, const Endpoint& remote);
  [[nodiscard]] bool port_free(std::uint16_t port) const;
  std::optional<std::uint16_t> pick_port(std::uint16_t wanted);
  void expire(Instant now);  // once a second, and before anything new is mapped
  void permit(Mapping& mapping, Instant now, const Endpoint& remote) const;

  NatBehavior behavior_;
  ModelRandom random_;
  std::uint16_t next_port_ = 1024;
  Instant next_expiry_check_{};
  std::vector<Mapping> mappings_;
  Counters counters_;
};

}  // namespace weft::sim
