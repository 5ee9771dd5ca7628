#include "node/relay_amounts.hpp"

#include <array>
#include <charconv>

namespace weft::node {

namespace {

constexpr std::string_view kUnlimited = "unlimited";

struct Unit {
  std::string_view name;
  std::uint64_t bytes;  // of one
};
constexpr std::array<Unit, 3> kRates{
    {{"Gbit", 1'000'000'000 / 8}, {"Mbit", 1'000'000 / 8}, {"kbit", 1'000 / 8}}};
constexpr std::array<Unit, 3> kVolumes{
    {{"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}}};
constexpr std::uint64_t kMost = 1'000'000'000'000'000;

template <std::size_t N>
Result<std::uint64_t> parse(std::string_view text, std::string_view per,
                            const std::array<Unit, N>& units, const char* how) {
  if (text == kUnlimited) return 0;
  if (text.ends_with(per)) text.remove_suffix(per.size());
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, text.data() + text.size());
  for (const auto& known : units)
    if (error == std::errc{} && count > 0 && unit == known.name && count <= kMost / known.bytes)
      return count * known.bytes;
  return fail(Errc::Usage, how);
}

template <std::size_t N>
std::string write(std::uint64_t bytes, std::string_view per, const std::array<Unit, N>& units) {
  if (bytes == 0) return std::string(kUnlimited);
  for (const auto& unit : units)
    if (bytes % unit.bytes == 0)
      return std::to_string(bytes / unit.bytes) + std::string(unit.name) + std::string(per);
  return std::to_string(bytes / units.back().bytes) + std::string(units.back().name) +
         std::string(per);
}

}  // namespace

Result<std::uint64_t> relay_rate_from_text(std::string_view text) {
  return parse(text, "/s", kRates, "write a rate as 20Mbit/s, 1Gbit/s or unlimited");
}
Result<std::uint64_t> relay_cap_from_text(std::string_view text) {
  return parse(text, "/month", kVolumes, "write a volume as 50GB/month, 2TB or unlimited");
}
std::string wrong_relay_value(std::string_view key, const std::string& value) {
  if (key == "enabled")
    return value == "auto" || value == "on" || value == "off" ? "" : "use auto, on or off";
  const auto amount = key == "rate" ? relay_rate_from_text(value) : relay_cap_from_text(value);
  return amount ? std::string() : amount.error().detail;
}

std::optional<overlay::RelaySettings> relay_settings_of(const RelayConfig& config) {
  if (!config.given()) return std::nullopt;
  overlay::RelaySettings out;
  out.source = overlay::RelaySettings::Source::Config;
  if (config.enabled == "on") out.mode = overlay::RelaySettings::Mode::On;
  if (config.enabled == "off") out.mode = overlay::RelaySettings::Mode::Off;
  if (const auto rate = relay_rate_from_text(config.rate)) out.rate = *rate;
  if (const auto cap = relay_cap_from_text(config.cap)) out.cap = *cap;
  return out;
}

std::string relay_rate_text(std::uint64_t bytes) { return write(bytes, "/s", kRates); }
std::string relay_cap_text(std::uint64_t bytes) { return write(bytes, "/month", kVolumes); }

}  // namespace weft::node
