// Host names to addresses, on threads of their own because the C library's resolver blocks.
//
// Invariants
//  1. A name is looked up once at a time; whoever asks for it meanwhile waits for the same answer.
//  2. A name whose last lookup took longer than kSlow may hold kSlowThreads of the threads, so that
//     names whose server is silent delay their own callers and nobody else.
//     Names that are new may hold all threads but one: that one is for names that answered quickly
//     before, so that even a crowd of silent names met for the first time does not stop them.
//  3. A caller that cancelled costs nothing more: a lookup that nobody waits for is not begun. One
//     under way cannot be stopped; destroying the resolver lets its thread end by itself.
//  4. "localhost" and what ends with it are this machine (RFC 6761), and literal addresses are what
//     they say: neither asks anybody, see known_addresses().
// Limits: kMaxWaiting callers, kMaxPerName of them for one name.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/socket_address.hpp"

namespace weft::adapter {

struct Resolution {
  std::vector<io::SocketAddress> addresses;  // in the order to try; at most kMaxAddresses
  std::string error;                         // says why if there are none
};

class Resolver {
 public:
  static constexpr std::size_t kThreads = 4;
  static constexpr std::size_t kSlowThreads = 2;
  static constexpr Duration kSlow = 1s;
  static constexpr std::size_t kMaxWaiting = 1024;
  static constexpr std::size_t kMaxPerName = 64;
  static constexpr std::size_t kMaxNames = 256;  // remembered as slow, and as quick
  static constexpr std::size_t kMaxAddresses = 16;

  using Ticket = std::uint64_t;                        // 0: none
  using OnResolved = std::function<void(Resolution)>;  // on the loop
  // Blocks. Called on the threads, for different names at once; ports are filled in afterwards.
  using LookUp = std::function<Resolution(const std::string& host)>;

  explicit Resolver(io::EventLoop& loop, LookUp look_up = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Makes the threads; names can be resolved with one at least. Limit: none could be made, which
  // resolve() tries again.
  [[nodiscard]] Result<void> start();
  // Limit: too many wait already, or there is no thread.
  [[nodiscard]] Result<Ticket> resolve(const std::string& host, std::uint16_t port,
                                       OnResolved on_resolved);
  void cancel(Ticket ticket);

 private:
  struct Shared;
  struct Waiter {
    Ticket ticket;
    std::uint16_t port;
    OnResolved then;
  };
  void answered(const std::string& host, const Resolution& found);

  std::shared_ptr<Shared> shared_;
  std::map<std::string, std::vector<Waiter>> waiting_;  // by name; loop only
  std::vector<Waiter> answering_;                       // their answer is there
  std::size_t waiters_ = 0;
  bool has_thread_ = false;
  Ticket last_ticket_ = 0;
};

// What needs no asking: an address literal, or localhost. Empty if `host` is another name.
[[nodiscard]] std::vector<io::SocketAddress> known_addresses(const std::string& host,
                                                             std::uint16_t port);

}  // namespace weft::adapter
