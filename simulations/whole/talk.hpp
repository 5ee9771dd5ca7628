// What members publish to each other through the broker, and what their subscribers get. Every
// message asks to be held; once that is acknowledged it is promised to everybody who subscribed
// before it was published and whose process goes on.
//
// A promise is due `settle` after the acknowledgement, or after the network between the nodes was
// last disturbed. It is off when kMostDeaths nodes died meanwhile: a message is held by three.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "simulations/whole/laws.hpp"
#include "simulations/whole/whole_node.hpp"

namespace weft::sim {

class Talk {
 public:
  // A message that came to one of those whom it was promised to, and how long it took.
  struct Came {
    Instant published;
    bool measured = false;  // of some nodes only, where there are many
  };

  Talk(Laws& laws, std::size_t nodes, Duration settle)
      : laws_(laws), settle_(settle), nodes_(nodes), listeners_(nodes) {}

  // `fresh`: a new process, which knows nothing of before.
  void subscribed(Instant now, std::uint32_t node, bool fresh);
  void stopped(std::uint32_t node);  // it died, sleeps or was removed
  void died() { ++deaths_; }
  std::uint64_t publish(Instant now, std::uint32_t node);
  // When it was published; nothing: not of this class.
  std::optional<Instant> answered(Instant now, std::uint64_t number, bool held);
  std::optional<Came> taken(Instant now, std::uint32_t node, const std::string& name,
                            const MessageTaken& message);
  // `hears`: that node is there and has a session.
  void check(Instant now, Instant disturbed, const std::function<bool(std::uint32_t)>& hears);

  [[nodiscard]] std::uint64_t published() const { return last_number_; }
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  [[nodiscard]] std::uint64_t missed() const { return missed_; }
  [[nodiscard]] std::uint64_t waiting() const { return open_.size(); }

 private:
  static constexpr Duration kListensAfter = 30s;  // a subscriber knows who is there
  static constexpr std::uint64_t kMostDeaths = 2;
  struct Listener {
    std::optional<Instant> since;
    std::map<NodeId, std::pair<std::uint64_t, std::uint64_t>> last;  // epoch, number of each
  };
  struct Open {
    std::uint32_t publisher = 0;
    Instant published;
    std::optional<Instant> held;
    std::uint64_t deaths = 0;  // of all, when it was published
    std::vector<bool> awaited;
    std::size_t missing = 0;
  };
  void complete(Instant now, std::map<std::uint64_t, Open>::iterator at);

  Laws& laws_;
  Duration settle_;
  std::size_t nodes_;
  std::vector<Listener> listeners_;
  std::map<std::uint64_t, Open> open_;  // by number
  std::uint64_t last_number_ = 0;
  std::uint64_t deaths_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t missed_ = 0;
};

}  // namespace weft::sim
