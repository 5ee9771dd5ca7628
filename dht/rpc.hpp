// Requests under way: which nonce asked whom for what, when it is slow, when it has failed, and how
// long answers take. No IO: the owner sends, and asks what is due.
//
//   Waiting --soft timeout--> Slow (sent once more) --twice that--> failed
#pragma once

#include <optional>
#include <vector>

#include "dht/config.hpp"
#include "dht/contact.hpp"
#include "dht/mail.hpp"

namespace weft::dht {

enum class Purpose : std::uint8_t { Verify, Upkeep, Walk, Store, Lost };

// The first eight bytes of a request's nonce: unguessable, and the reply carries the nonce.
using Transaction = std::uint64_t;
inline Transaction transaction_of(const Nonce& nonce) { return read_be<Transaction>(nonce); }

struct Pending {
  Transaction transaction = 0;
  Transaction first = 0;  // of the first sending, after a retransmission
  ContactHandle to = ContactHandle::None;
  std::uint32_t task = 0;  // lookup it belongs to; 0: none
  Instant sent{};
  Instant deadline{};
  Purpose purpose = Purpose::Verify;
  std::uint8_t attempt = 1;
  std::uint8_t again = 0;  // times this was asked before, because not all had fitted
  std::uint8_t skip = 0;   // contacts told by then
  bool cookie = false;     // it was shown one
};

class RttEstimator {
 public:
  void sample(Duration rtt);
  [[nodiscard]] Duration soft_timeout(const Config& config, Duration known_rtt) const;

 private:
  std::uint32_t smoothed_us_ = 0;
  std::uint32_t variation_us_ = 0;
};

class Rpc {
 public:
  explicit Rpc(const Config& config) : config_(config) {}

  [[nodiscard]] bool full() const { return pending_.size() >= config_.pending; }
  // `known_rtt`: 0 if never measured. REQUIRES: !full()
  Pending& sent(Instant now, const Nonce& nonce, ContactHandle to, Purpose purpose,
                std::uint32_t task, Duration known_rtt);
  // The request was sent once more, under a new nonce.
  void resent(Instant now, Pending& pending, const Nonce& nonce);
  // Takes the request this answers; `rtt` is set when it is certain which sending was answered.
  std::optional<Pending> answered(Instant now, const Nonce& nonce, std::optional<Duration>& rtt);
  // One whose deadline has passed; the caller resends or removes it.
  Pending* due(Instant now);
  Pending take(Pending* pending);
  // The lookup ended; late replies still verify who answers.
  void release(std::uint32_t task);

  [[nodiscard]] std::optional<Instant> next() const;
  [[nodiscard]] std::size_t size() const { return pending_.size(); }
  [[nodiscard]] std::size_t count(Purpose purpose) const;
  [[nodiscard]] bool asking(ContactHandle to, Purpose purpose) const;
  // Whether this lookup waits for the rest of somebody's answer.
  [[nodiscard]] bool asking_again(std::uint32_t task) const;
  [[nodiscard]] const std::vector<Pending>& all() const { return pending_; }
  void warm() const { __builtin_prefetch(pending_.data()); }
  [[nodiscard]] std::size_t memory() const { return pending_.capacity() * sizeof(Pending); }

 private:
  const Config& config_;
  RttEstimator rtt_;
  std::vector<Pending> pending_;
};

}  // namespace weft::dht
