// The bodies of channel 4, after its byte: a msgpack array, read leniently (extra elements are
// ignored). docs/wire/post.md.
//
//   forward    [1, to 32, inner bin]    to a member with a live session: hand this on to `to`
//   forwarded  [2, from 32, inner bin]  from that member: `from` asked for it
//
// `inner` is a whole sealed datagram from the one end to the other.
#pragma once

#include "base/node_id.hpp"
#include "base/sealed.hpp"
#include "base/wire.hpp"

namespace weft::post {

struct Forward {
  // Channel byte, array, type, two binaries' headers and the NodeId.
  static constexpr std::size_t kOverhead = 1 + 1 + 1 + 2 + NodeId::kSize + 3;
  enum class Type : std::uint8_t { Forward = 1, Forwarded = 2 };

  Type type = Type::Forward;
  NodeId node;
  ByteView inner;  // a view into what was decoded; at most sealed::kMaxDatagram

  // With the channel's byte in front.
  [[nodiscard]] Bytes encode() const;
  // Without it. Unsupported: another type.
  [[nodiscard]] static Result<Forward> decode(ByteView content);
};

}  // namespace weft::post
