// Who holds how many of the connections that this process can have. Each costs a descriptor, and
// descriptors are there once for all: for members that call, for programs of this machine that go
// out through doors, for the management socket, the databases and the log.
//
// Invariants
//  1. A member holds at most a quarter of what the others leave (base/share.hpp); the programs of
//     this machine, which are one holder however many they are, half of it.
//  2. A place is given back by destroying it; the sum of places is what is used.
// What is kept for the rest of the process is not counted here: see descriptor_plan().
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/node_id.hpp"
#include "base/time.hpp"

namespace weft::node {

inline constexpr std::size_t kMaxConnections = 65536;  // memory: some 8 KiB an idle one

// How the descriptors of the process are given out. `limit`: how many there may be; `open`: how
// many the daemon holds once it has started.
struct DescriptorPlan {
  std::size_t connections = 0;      // and doors
  std::size_t api_connections = 0;  // of the management socket
  std::size_t kept = 0;             // for databases, names being resolved, the log, files
};
DescriptorPlan descriptor_plan(std::size_t limit, std::size_t open);

class ConnectionShares {
 public:
  // A member that calls services here; none: programs of this machine, by doors and pipes.
  using Holder = std::optional<NodeId>;

  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), at_(other.at_) {}
    Place& operator=(Place&& other) noexcept;
    ~Place() { give_back(); }

   private:
    friend class ConnectionShares;
    using At = std::map<Holder, std::size_t>::iterator;
    Place(ConnectionShares* of, At at) : of_(of), at_(at) {}
    void give_back();

    ConnectionShares* of_ = nullptr;
    At at_;
  };

  // Somebody who was refused not long ago, or still holds all it may.
  struct Crowd {
    Holder holder;
    std::size_t held = 0;
    std::uint64_t refused = 0;
  };
  static constexpr Duration kRemembered = 60s;
  static constexpr std::size_t kMaxRemembered = 64;

  ConnectionShares() = default;
  ConnectionShares(const ConnectionShares&) = delete;
  ConnectionShares& operator=(const ConnectionShares&) = delete;

  // None: this holder has its share of `limit` already.
  [[nodiscard]] std::optional<Place> take(Instant now, const Holder& holder, std::size_t limit);
  [[nodiscard]] std::size_t held(const Holder& holder) const;
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::vector<Crowd> crowds(Instant now) const;

 private:
  struct Refusals {
    Instant last{};
    std::uint64_t count = 0;
  };

  std::map<Holder, std::size_t> held_;  // none is zero
  std::map<Holder, Refusals> refusals_;
  std::size_t used_ = 0;
};

}  // namespace weft::node
