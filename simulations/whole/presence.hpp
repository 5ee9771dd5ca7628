// Who holds whom for dead, and whether that is so: how long it takes until others know that a
// process ended, and how often one is thought dead that is there.
#pragma once

#include <optional>
#include <vector>

#include "overlay/membership/state.hpp"
#include "simulations/whole/laws.hpp"

namespace weft::sim {

class Presence {
 public:
  Presence(Laws& laws, std::size_t nodes, Duration settle)
      : laws_(laws), settle_(settle), people_(nodes) {}

  void came(Instant now, std::uint32_t node);
  void went(Instant now, std::uint32_t node);  // its process ended, or sleeps
  void removed(std::uint32_t node) { people_[node].removed = true; }
  // While the network is parted, and `settle` after, nobody's opinion is counted.
  void disturbed(Instant now) { disturbed_ = now; }

  // `by` holds `about` for dead now. When it went, if that is the first time that `by` says so.
  std::optional<Instant> called_dead(Instant now, std::uint32_t by, std::uint32_t about);
  // What `by` holds of `about` at a sample.
  void check(Instant now, std::uint32_t by, std::uint32_t about, membership::State state);

  [[nodiscard]] std::uint64_t wrongly() const { return wrongly_; }
  // Whether it has been so for long enough to be known to all.
  [[nodiscard]] bool long_there(Instant now, std::uint32_t node) const {
    return people_[node].there && now - people_[node].since > settle_;
  }

 private:
  struct Person {
    Instant since{};  // when it came or went
    bool there = false;
    bool known = false;  // was ever there
    bool removed = false;
    std::vector<bool> told;  // of this absence, by whom
  };

  Laws& laws_;
  Duration settle_;
  std::vector<Person> people_;
  Instant disturbed_{};
  std::uint64_t wrongly_ = 0;
};

}  // namespace weft::sim
