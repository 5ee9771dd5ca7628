// The laws of a network that hold all along, whatever the network between the nodes does. A checker
// tells each breach with the time and who; a run with a breach has failed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace weft::sim {

enum class Law : std::uint8_t {
  AcknowledgedIsStored,  // what a command acknowledged lies on the disk, and is there after kill -9
  OneHead,               // nodes that hear of each other keep one roster, once it could spread
  RemovedIsNotServed,    // who was removed opens nothing where that is known
  DefaultDeny,           // nobody opens what nobody allowed
  StreamIsExact,         // the bytes of a stream come once each, in order, unchanged
  SessionsBounded,       // a node has few sessions for each member
  HeldArrives,           // a message acknowledged as held comes to all who subscribed before
  MessagesOnce,          // each once, in the order its publisher said them
  PresenceIsTrue,        // who has been there for long is not dead, who went long ago not alive
  kCount
};
inline constexpr std::size_t kLaws = static_cast<std::size_t>(Law::kCount);
std::string_view name_of(Law law);

class Laws {
 public:
  // `holds`: else `what` tells the breach; it is called only then.
  template <class Tell>
  void check(Law law, Instant at, bool holds, const Tell& tell) {
    ++checked_[static_cast<std::size_t>(law)];
    if (!holds) broken(law, at, tell());
  }

  [[nodiscard]] std::uint64_t checked(Law law) const {
    return checked_[static_cast<std::size_t>(law)];
  }
  [[nodiscard]] std::uint64_t breaches(Law law) const {
    return breaches_[static_cast<std::size_t>(law)];
  }
  [[nodiscard]] std::uint64_t breaches() const;
  // One sentence for each law that was broken, with its first breach.
  [[nodiscard]] std::vector<std::string> broken_sentences() const;
  // And for each that was checked and held.
  [[nodiscard]] std::vector<std::string> kept_sentences() const;

 private:
  void broken(Law law, Instant at, const std::string& what);

  std::array<std::uint64_t, kLaws> checked_{};
  std::array<std::uint64_t, kLaws> breaches_{};
  std::array<std::string, kLaws> first_;
};

}  // namespace weft::sim
