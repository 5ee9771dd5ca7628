// Which LAN beacons were heard, so that a recording of one is worth nothing. Beacons are sealed:
// who is not of the network can only send again what a member once sent, from an address of his
// own.
//
// A beacon counts if it was sent later than the last one of its member, or is that one, heard from
// one of at most kSources addresses: a sender with two interfaces is heard twice. A member silent
// for kForget is forgotten, so that one whose clock was set back is heard again. No IO: time is
// passed in.
#pragma once

#include <vector>

#include "base/endpoint.hpp"
#include "base/identity.hpp"
#include "base/time.hpp"

namespace weft::discovery {

class BeaconHistory {
 public:
  static constexpr std::size_t kMembers = 256;  // beyond them who was heard longest ago gives way
  static constexpr std::size_t kSources = 4;    // interfaces of one machine, both IP families
  static constexpr Duration kForget = 2min;     // four beacons

  struct Verdict {
    bool counts = false;
    bool fresh = false;  // this member was not known at this address
  };
  Verdict take(Instant now, const IdentityKey& member, UnixTime sent, const Endpoint& from);
  void clear() { members_.clear(); }
  [[nodiscard]] std::size_t size() const { return members_.size(); }

 private:
  struct Member {
    IdentityKey identity{};
    UnixTime sent = 0;
    Instant heard{};
    std::vector<Endpoint> sources;  // of the last beacon
    std::vector<Endpoint> before;   // of the one before
  };
  Member& member_of(Instant now, const IdentityKey& identity);

  std::vector<Member> members_;
};

}  // namespace weft::discovery
