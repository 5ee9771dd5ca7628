// How many bytes each peer and each service has moved since the start, for people and for quotas.
//
// Invariants
//  1. The totals of all accounts and of the rest are everything that was counted, whatever was
//     forgotten in between.
//  2. At most kMaxAccounts pairs of a peer and a service are kept apart. When another comes, the
//     one that has been quiet for the longest goes into the rest.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/node_id.hpp"
#include "node/adapter/flow.hpp"

namespace weft::node {

inline constexpr std::size_t kMaxAccounts = 4096;  // some 200 bytes each

struct Traffic {
  std::uint64_t to_peer = 0;    // bytes
  std::uint64_t from_peer = 0;  // bytes
  std::uint64_t flows = 0;      // connections begun

  Traffic& operator+=(const Traffic& other);
  bool operator==(const Traffic&) const = default;
};

class Accounts {
 public:
  explicit Accounts(std::size_t limit = kMaxAccounts) : limit_(limit) {}

  void on_flow(const NodeId& peer, const std::string& service);
  void on_bytes(const NodeId& peer, const std::string& service, std::size_t size,
                adapter::Direction direction);

  struct Account {
    NodeId peer;
    std::string service;
    Traffic traffic;
  };
  [[nodiscard]] std::vector<Account> list() const;  // by peer, then service
  [[nodiscard]] Traffic of_peer(const NodeId& peer) const;
  [[nodiscard]] Traffic of_service(const std::string& service) const;
  [[nodiscard]] const Traffic& rest() const { return rest_; }  // of those forgotten
  [[nodiscard]] std::size_t size() const { return accounts_.size(); }

 private:
  using Key = std::pair<NodeId, std::string>;
  struct Entry {
    Traffic traffic;
    std::list<const Key*>::iterator place;
  };
  Traffic& at(const NodeId& peer, const std::string& service);

  std::size_t limit_;
  std::map<Key, Entry> accounts_;
  std::list<const Key*> by_use_;  // the quietest first
  Traffic rest_;
};

}  // namespace weft::node
