// What the brokers of two members say on the stream of kind 5 between them: u16 length | msgpack
// array [type, fields...]. Not signed: a session proves who says it. Extra elements are ignored,
// unknown types are skipped. docs/wire/broker.md shows the bytes.
//
//   Push     a batch; `want`: confirm that you hold it; `hops`: and so may those whom you hand it to
//   Have     of these publishers' epochs I hold everything up to `high`
//   Pull     send me these; `graft`: and what comes from that publisher from now on
//   Gone     of what you asked for I hold nothing up to `upto`
//   Prune    send me no more of that publisher unasked: tell me what you have
//   Confirm  `holder` holds these messages, in memory or on its disk
//   Kept     what I hold retained of the topics whose hashes lie in [from, to]
//   Value    a retained message
//   Given    a batch that was pulled; `more`: there is more of what was asked for, ask again
//   Withheld these messages are not for you, by the rules about topics
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/node_id.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxFrame = 65535;  // what a u16 can announce
inline constexpr std::size_t kMaxHave = 512;     // 512 * 52 bytes fit one frame
inline constexpr std::size_t kMaxKept = 1024;    // 1024 * 20 bytes
inline constexpr std::uint64_t kMaxHops = 8;

enum class Level : std::uint64_t {
  Sent = 0,     // in the queue of its publisher
  Held = 1,     // in the memory of R members
  Durable = 2,  // flushed to the disks of R members
};

struct Push {
  Bytes batch;
  Level want = Level::Sent;
  std::uint64_t hops = 0;
  bool operator==(const Push&) const = default;
};
struct Have {
  struct Entry {
    NodeId publisher;
    std::uint64_t epoch = 0;
    std::uint64_t high = 0;
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> entries;
  std::uint64_t kept = 0;  // digest over what is retained here
  bool operator==(const Have&) const = default;
};
struct Pull {
  NodeId publisher;
  std::uint64_t epoch = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // inclusive
  bool graft = false;
  bool operator==(const Pull&) const = default;
};
struct Gone {
  NodeId publisher;
  std::uint64_t epoch = 0;
  std::uint64_t upto = 0;
  bool operator==(const Gone&) const = default;
};
struct Prune {
  NodeId publisher;
  bool operator==(const Prune&) const = default;
};
struct Confirm {
  NodeId publisher;
  std::uint64_t epoch = 0;
  std::uint64_t last = 0;  // of the batch
  Level level = Level::Held;
  NodeId holder;
  std::uint64_t hops = 0;  // how often it may be handed on
  bool operator==(const Confirm&) const = default;
};
struct Kept {
  struct Entry {
    std::uint64_t topic = 0;  // hash of its name
    std::uint64_t stamp = 0;
    bool operator==(const Entry&) const = default;
  };
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::vector<Entry> entries;  // ascending
  bool operator==(const Kept&) const = default;
};
struct Value {
  Bytes batch;
  bool operator==(const Value&) const = default;
};
struct Given {
  Bytes batch;
  bool more = false;
  bool operator==(const Given&) const = default;
};
struct Withheld {
  NodeId publisher;
  std::uint64_t epoch = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;  // 1 to kMaxMessages of batch.hpp
  bool operator==(const Withheld&) const = default;
};
struct Skipped {
  std::uint64_t type = 0;
  bool operator==(const Skipped&) const = default;
};

using Frame =
    std::variant<Push, Have, Pull, Gone, Prune, Confirm, Kept, Value, Given, Withheld, Skipped>;

// With its length. REQUIRES: lists within the limits above; Skipped is never sent.
[[nodiscard]] Bytes encode(const Frame& frame);
// One frame without its length.
[[nodiscard]] Result<Frame> decode_frame(ByteView body);

}  // namespace weft::broker
