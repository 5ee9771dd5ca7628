// What travels: messages of one publisher, one after the other, under one signature. So a message
// that others hand on proves its author, and a burst costs one signature.
//
//   canonical msgpack [v=1, identity key 32, epoch, first, stamp, flags, messages, signature 64]
//   message           [topic, payload, reply, headers]; trailing empty ones are left out
//
// signed over "weft broker v1\0" | network 32 | the same array of seven without the signature.
// docs/wire/broker.md shows the bytes.
//
// Invariants
//  1. 1 to kMaxMessages messages, `raw` of at most kMaxBatch bytes.
//  2. Message i has the number first + i and the stamp stamp + i: numbers of an epoch go up by one.
//  3. A retained batch holds one message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/identity.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxMessages = 256;
inline constexpr std::size_t kMaxBatch = 64'000;    // a frame's u16 length and its envelope
inline constexpr std::size_t kMaxPayload = 60'000;  // payload, headers, topic and reply of one
inline constexpr std::uint64_t kMaxNumber = 1ULL << 62;

struct Message {
  std::string topic;
  Bytes payload;
  std::string reply = {};  // a topic, or empty
  Bytes headers = {};      // as NATS has them, or none
  bool operator==(const Message&) const = default;
  // What it takes in a batch, at most.
  [[nodiscard]] std::size_t size() const {
    return topic.size() + payload.size() + reply.size() + headers.size() + 16;
  }
};

struct Batch {
  IdentityKey key{};
  NodeId publisher;
  std::uint64_t epoch = 0;  // of its publisher's process: goes up with each start
  std::uint64_t first = 0;  // from 1
  std::uint64_t stamp = 0;  // hybrid clock: milliseconds since 1970 << 16 | counter
  bool retain = false;
  std::vector<Message> messages;
  crypto::Signature signature{};
  Bytes raw;

  [[nodiscard]] std::uint64_t last() const { return first + messages.size() - 1; }
  [[nodiscard]] Bytes encode() const;  // as `raw`, signature included
  // Parses and checks the form; verify() checks the author.
  [[nodiscard]] static Result<Batch> decode(ByteView bytes);
  [[nodiscard]] bool verify(const NetworkId& network) const;
  // Sets key, publisher, signature and raw. REQUIRES: invariants hold for the rest.
  void sign(const Identity& identity, const NetworkId& network);
};
using BatchPtr = std::shared_ptr<const Batch>;

// One message of a batch that is kept as it came.
struct Placed {
  BatchPtr batch;
  std::size_t index = 0;

  [[nodiscard]] const Message& message() const { return batch->messages[index]; }
  [[nodiscard]] std::uint64_t sequence() const { return batch->first + index; }
  [[nodiscard]] std::uint64_t stamp() const { return batch->stamp + index; }
};

}  // namespace weft::broker
