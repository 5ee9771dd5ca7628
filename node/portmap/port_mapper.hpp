// Asks the router to let others in: a mapping of the node's UDP port by NAT-PMP (libnatpmp) and, if
// nothing answers that, by UPnP-IGD (miniupnpc). Both libraries wait for answers, so they run on a
// thread of their own; the loop hears of what came of it.
//
// Invariants
// 1. The thread waits for the network at most kPatience at a time, and is told to end first; so
//    stop() returns within about kPatience, and takes the mapping away before.
// 2. A lease of kLease is renewed at half; what failed is tried again after kAgain, at once after
//    kick(). A router that knows no lease times keeps the mapping until stop().
// 3. Of the router's answer only the outside address, the port and the time are believed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "node/io/event_loop.hpp"

namespace weft::node {

struct PortMapping {
  std::string protocol;  // "nat-pmp", "upnp"
  Endpoint outside;
  Instant until{};  // of the lease

  bool operator==(const PortMapping&) const = default;
};

class PortMapper {
 public:
  static constexpr Duration kLease = 2h;
  static constexpr Duration kPatience = 2s;
  static constexpr Duration kAgain = 10min;

  // `changed` is called on the loop whenever current() or trouble() is another.
  PortMapper(io::EventLoop& loop, std::function<void()> changed);
  ~PortMapper();  // stop()
  PortMapper(const PortMapper&) = delete;
  PortMapper& operator=(const PortMapper&) = delete;

  // Error: there can be no thread.
  [[nodiscard]] Result<void> start(std::uint16_t port);
  // The network may be another: looks at once.
  void kick();
  void begin_stop();
  void stop();  // waits for it

  [[nodiscard]] bool running() const { return thread_.joinable(); }
  [[nodiscard]] const std::optional<PortMapping>& current() const { return current_; }
  // Why there is none; empty before the first answer.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  struct Outcome {
    std::optional<PortMapping> mapping;
    std::string trouble;
  };
  void work(std::uint16_t port);
  void tell(Outcome outcome);
  [[nodiscard]] bool is_ending();

  io::EventLoop& loop_;
  std::function<void()> changed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;  // both under mutex_
  bool kicked_ = false;
  std::optional<PortMapping> current_;
  std::string trouble_;
};

}  // namespace weft::node
