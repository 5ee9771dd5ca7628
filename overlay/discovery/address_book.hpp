// Where the members of one network can be reached, for all who ask: peers dial by it, the post
// sends by it, discovery starts from it. Per member a short list, best first, and of each address
// who told it, when, and when it last worked.
//
// Order: what worked or was told `surely` (by the member itself, signed) goes to the front, all
// else to the back, where it stays. A full list loses its last.
//
// Invariants
// 1. At most kMostOfMember addresses of a member and kMostMembers members; whose addresses are the
//    oldest gives way.
// 2. An address stands once in a list.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"

namespace weft::discovery {

enum class Source : std::uint8_t {
  Stored,   // from an earlier run
  Ticket,   // of the inviter
  Hello,    // its own word, in a session
  Hearsay,  // another member's PeerList
  Record,   // its own word, signed, from the DHT
  Beacon,   // heard on the LAN
  Configured,
  Session,  // a session came up there
};

class AddressBook {
 public:
  static constexpr std::size_t kMostOfMember = 16;  // 8 told by the member, 8 learned
  static constexpr std::size_t kMostMembers = 4096;
  // An address that worked so lately is taken to work still (path idle limits are shorter).
  static constexpr Duration kWorksFor = 5min;

  struct Entry {
    Address address;
    Source source = Source::Hearsay;
    Instant heard{};                // when it was told last
    std::optional<Instant> worked;  // when something came from there last
  };

  // True: it is news. `surely`: to the front.
  bool learn(Instant now, const NodeId& node, const Address& address, Source source,
             bool surely = false);
  // A session came up there, or a datagram came from there: to the front.
  void worked(Instant now, const NodeId& node, const Endpoint& endpoint);
  void forget(const NodeId& node) { members_.erase(node); }

  [[nodiscard]] const std::vector<Entry>& of(const NodeId& node) const;
  // Those that UDP reaches, best first.
  [[nodiscard]] std::vector<Endpoint> endpoints(const NodeId& node) const;
  // The best one, and whether it worked lately.
  struct Best {
    Endpoint endpoint;
    bool works = false;
  };
  [[nodiscard]] std::optional<Best> best(Instant now, const NodeId& node) const;
  [[nodiscard]] std::size_t size() const { return members_.size(); }

 private:
  struct Member {
    std::vector<Entry> entries;
    Instant heard{};
  };
  Member& member(Instant now, const NodeId& node);

  std::map<NodeId, Member> members_;
};

}  // namespace weft::discovery
