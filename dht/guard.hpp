// What keeps the DHT from being a weapon: cookies prove that a sender receives at its address, and
// token buckets bound what one source may ask. Both are constant in memory.
#pragma once

#include <optional>
#include <vector>

#include "dht/config.hpp"
#include "dht/mail.hpp"
#include "dht/message.hpp"

namespace weft::dht {

// Cookies we hand out: MAC over address and NodeId, good in this epoch and the next.
class CookieJar {
 public:
  explicit CookieJar(const Config& config) : config_(config) {}
  Cookie issue(Instant now, Rng& rng, const PostView& post, const Endpoint& to, const NodeId& node);
  [[nodiscard]] bool valid(Instant now, Rng& rng, const PostView& post, const Endpoint& from,
                           const NodeId& node, Cookie cookie);

 private:
  void roll(Instant now, Rng& rng);

  const Config& config_;
  Instant until_{};
  bool started_ = false;
  ByteArray<16> current_{};
  ByteArray<16> last_{};
};

// Cookies others gave us, the newest few.
class CookieCache {
 public:
  static constexpr std::size_t kCapacity = 96;
  explicit CookieCache(const Config& config) : config_(config) {}
  void store(Instant now, ContactHandle from, Cookie cookie);
  [[nodiscard]] std::optional<Cookie> find(Instant now, ContactHandle to) const;
  void forget(ContactHandle contact);
  void expire(Instant now);
  void warm() const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(items_.data());
    for (std::size_t at = 0; at < items_.size() * sizeof(Item); at += 64)
      __builtin_prefetch(bytes + at);
  }
  [[nodiscard]] std::size_t memory() const { return items_.capacity() * sizeof(Item); }

 private:
  struct Item {
    Cookie cookie = 0;
    ContactHandle from = ContactHandle::None;
    std::uint32_t at = 0;  // Ticks
  };
  const Config& config_;
  std::vector<Item> items_;  // oldest first
};

// Token buckets in a fixed table. Two sources in one slot share its bucket: crowding a slot slows
// down, it never opens up.
class RateLimiter {
 public:
  explicit RateLimiter(const Config& config) : config_(config) {}
  bool allow(Instant now, const Endpoint& from, bool proven);
  [[nodiscard]] std::size_t memory() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t credit = 0;  // thousandths of a request
    Instant at{};
  };
  const Config& config_;
  std::vector<Slot> slots_;
};

}  // namespace weft::dht
