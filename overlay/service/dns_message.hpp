// DNS messages as the stub reads and writes them (RFC 1035, EDNS RFC 6891): one question in, one
// answer out. Bytes alone: what a name means is the business of dns_names.
//
// Departures: a question's name may not be compressed (nothing stands before it that it could point
// to), and its labels may hold any bytes; those that are no host name simply do not exist.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace weft::service::dns {

inline constexpr std::size_t kMaxMessage = 512;  // of a query; answers are smaller

enum class Code : std::uint8_t {
  Ok = 0,
  FormatError = 1,
  Failed = 2,
  NoSuchName = 3,
  NotImplemented = 4,
  Refused = 5,
  BadVersion = 16,  // of EDNS; its high bits stand in the OPT record
};

inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypeSoa = 6;
inline constexpr std::uint16_t kTypeAaaa = 28;
inline constexpr std::uint16_t kTypeOpt = 41;
inline constexpr std::uint16_t kTypeAny = 255;
inline constexpr std::uint16_t kClassIn = 1;

struct Query {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  std::uint8_t opcode = 0;
  Bytes question;    // as it came, to be echoed: some clients check each bit of its case
  std::string name;  // lower case, without a last dot; empty: the root
  std::uint16_t type = 0, qclass = 0;
  bool edns = false;
  std::uint8_t edns_version = 0;
};

// What cannot be answered is not: too short for a header, or itself an answer.
struct Unreadable {
  bool drop = true;
  Query query;  // what is known of it, for a FormatError
};
[[nodiscard]] std::expected<Query, Unreadable> parse(ByteView message);

struct Answer {
  Code code = Code::Ok;
  std::optional<std::uint32_t>
      address;       // IPv4, host order; none: the name has nothing of that type
  bool soa = false;  // says whose zone it is, and for how long a no is good
};
// `ttl_s` of all of it.
[[nodiscard]] Bytes encode(const Query& query, const Answer& answer, std::uint32_t ttl_s);

}  // namespace weft::service::dns
