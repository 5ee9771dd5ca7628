// Application codes in CONNECTION_CLOSE and RESET_STREAM that the overlay sends
// (docs/wire/session.md).
#pragma once

#include <cstdint>

namespace weft::overlay {

inline constexpr std::uint64_t kCodeDone = 0;
inline constexpr std::uint64_t kCodeProtocol = 3;
inline constexpr std::uint64_t kCodeDenied = 4;
inline constexpr std::uint64_t kCodeShutdown = 5;
inline constexpr std::uint64_t kCodeNotDirect = 8;

}  // namespace weft::overlay
