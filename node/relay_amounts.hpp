// How people write what a relay may give: "20Mbit/s", "50GB/month", "unlimited". Decimal units, as
// those who sell bandwidth count; no fractions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "node/config.hpp"
#include "overlay/relaying/relay_settings.hpp"

namespace weft::node {

// Bytes a second; 0: without limit. "800kbit/s", "20Mbit/s", "1Gbit/s"; the "/s" may be left out.
[[nodiscard]] Result<std::uint64_t> relay_rate_from_text(std::string_view text);
// Bytes a month; 0: without limit. "500MB", "50GB/month", "2TB".
[[nodiscard]] Result<std::uint64_t> relay_cap_from_text(std::string_view text);
// What is configured, over the defaults; nothing when nothing is.
[[nodiscard]] std::optional<overlay::RelaySettings> relay_settings_of(const RelayConfig& config);
// Of a key of [relay]: how to write its value, if that is none.
[[nodiscard]] std::string wrong_relay_value(std::string_view key, const std::string& value);
[[nodiscard]] std::string relay_rate_text(std::uint64_t bytes_per_second);
[[nodiscard]] std::string relay_cap_text(std::uint64_t bytes);

}  // namespace weft::node
