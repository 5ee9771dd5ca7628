// The first bytes of a stream, each way; after them the stream is the application's.
//
//   request:  length u16 | msgpack [v=1, kind, service]
//   response: length u16 | msgpack [v=1, status, detail, who]
//
// Lengths are big-endian and at most kMaxStreamOpen. Neither is signed: further array elements are
// ignored, so later versions may add some. docs/wire/stream_open.md shows the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxStreamOpen = 512;
inline constexpr std::size_t kMaxDetail = 256;

enum class StreamKind : std::uint64_t {
  Control = 0,  // the session's control stream
  Service = 1,  // bytes of a service; `service` names it
  Broker = 5,
  Store = 6,
};

enum class OpenStatus : std::uint64_t {
  Ok = 0,
  Denied = 1,             // rules say no
  NoSuchService = 2,      // not exposed here
  TargetRefused = 3,      // the target refused the connection
  TargetUnreachable = 4,  // the target did not answer
  Limit = 5,              // too many streams now; retry later
  NotDirect = 6,          // not given through a relay, and the session goes through one now
};
std::string_view name_of(OpenStatus status);

struct StreamRequest {
  StreamKind kind = StreamKind::Service;
  std::string service;  // DNS label for Service, else a label or empty
  bool operator==(const StreamRequest&) const = default;
  [[nodiscard]] Bytes encode() const;  // with its length
};

struct StreamResponse {
  OpenStatus status = OpenStatus::Ok;
  std::string detail;  // for people; cut to kMaxDetail on encode
  // Denied by a rule: whom it names, a node's name, "group:NAME" or "*". Empty: no rule lets in.
  std::string who = {};
  bool operator==(const StreamResponse&) const = default;
  [[nodiscard]] Bytes encode() const;
};

template <class Message>
struct Parsed {
  Message message;
  std::size_t consumed = 0;  // bytes of the input it took
};

// From the bytes received so far: nullopt = more are needed. An error ends the stream: Malformed,
// TooLarge, or Unsupported (a version we do not speak). A kind that nobody here speaks is the
// caller's to refuse. An unknown status reads as Denied.
[[nodiscard]] Result<std::optional<Parsed<StreamRequest>>> parse_request(ByteView received);
[[nodiscard]] Result<std::optional<Parsed<StreamResponse>>> parse_response(ByteView received);

}  // namespace weft::service
