// What roster entries and tickets read in the same way: arrays of an exact size, names, times.
// Errors are Malformed.
#pragma once

#include <string>

#include "base/time.hpp"
#include "base/wire.hpp"

namespace weft::roster {

[[nodiscard]] Result<void> expect_array(wire::Reader& in, std::size_t size);
[[nodiscard]] Result<std::string> read_label(wire::Reader& in);   // base/label.hpp
[[nodiscard]] Result<UnixTime> read_unix_time(wire::Reader& in);  // seconds, below 2^62

}  // namespace weft::roster
