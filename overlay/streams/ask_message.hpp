// Asking for access, on the control stream (docs/wire/control.md): a member asks for a service of
// the receiver, which notes it for the people there or says why not.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace weft::overlay {

inline constexpr std::uint64_t kTypeAsk = 64;
inline constexpr std::uint64_t kTypeAskAnswer = 65;
inline constexpr std::size_t kMaxNote = 200;  // bytes

struct Ask {
  std::uint64_t request = 0;  // the asker's, to tell answers apart
  std::string service;
  std::string note;  // for the people there
  bool operator==(const Ask&) const = default;
};

enum class AskStatus : std::uint8_t {
  Noted = 0,
  MayUse = 1,  // already
  NoSuchService = 2,
  Full = 3,     // too much is asked there: later
  Refused = 4,  // by a person, a while ago
};
struct AskAnswer {
  std::uint64_t request = 0;
  AskStatus status = AskStatus::Full;  // one that we do not know reads so
  bool operator==(const AskAnswer&) const = default;
};

// With its length, as the control stream carries it.
[[nodiscard]] Bytes encode(const Ask& ask);
[[nodiscard]] Bytes encode(const AskAnswer& answer);
// The message without its length, type included. Malformed.
[[nodiscard]] Result<Ask> parse_ask(ByteView body);
[[nodiscard]] Result<AskAnswer> parse_ask_answer(ByteView body);

}  // namespace weft::overlay
