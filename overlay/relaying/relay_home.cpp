#include "overlay/relaying/relay_home.hpp"

#include "base/wire.hpp"

namespace weft::overlay {

namespace {

constexpr std::string_view kKey = "relay";
constexpr std::uint64_t kVersion = 1;

// Calendar months since 1970 (the civil-from-days algorithm of proleptic Gregorian dates).
std::int64_t month_of(UnixTime wall) {
  const std::int64_t days = wall / 86400 + 719468;
  const std::int64_t era = days / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
  const std::int64_t from_march = (5 * of_year + 2) / 153;
  return (years + era * 400 - 1970) * 12 + from_march + 2;
}

}  // namespace

void RelayHome::load(const Row& row) {
  if (row.table != Table::Setting || !row.network.is_zero() || text_of(row.key) != kKey ||
      !row.value)
    return;
  const auto read = [&]() -> Result<void> {
    auto r = wire::Reader::lenient(*row.value);
    WEFT_TRY(const auto fields, r.array(16));
    if (fields < 8) return fail(Errc::Malformed, "relay row: too short");
    WEFT_TRY(const auto version, r.uint());
    if (version != kVersion) return fail(Errc::Malformed, "relay row: of another version");
    WEFT_TRY(const auto mode, r.uint());
    WEFT_TRY(const auto by_command, r.boolean());
    WEFT_TRY(const auto rate, r.uint());
    WEFT_TRY(const auto cap, r.uint());
    WEFT_TRY(const auto month, r.uint());
    WEFT_TRY(used_, r.uint());
    WEFT_TRY(reached_, r.boolean());
    month_ = static_cast<std::int64_t>(month);
    kept_ = used_;
    if (!by_command || mode > 2) return {};
    settings_ = {static_cast<RelaySettings::Mode>(mode), rate, cap, RelaySettings::Source::Command};
    return {};
  };
  std::ignore = read();  // else it begins anew
  server.forwarder().rate().set_rate(settings_.rate);
}

Row RelayHome::row() const {
  wire::Writer w;
  const bool by_command = settings_.source == RelaySettings::Source::Command;
  w.array(8).uint(kVersion).uint(static_cast<std::uint64_t>(settings_.mode)).boolean(by_command);
  w.uint(settings_.rate).uint(settings_.cap).uint(static_cast<std::uint64_t>(month_));
  w.uint(used_).boolean(reached_);
  return {Table::Setting, {}, to_bytes(bytes_of(kKey)), w.take()};
}

void RelayHome::begin(Instant now, UnixTime wall) {
  count(wall);
  apply(now);
}

void RelayHome::set(Instant now, UnixTime wall, const RelaySettings& settings) {
  settings_ = settings;
  server.forwarder().rate().set_rate(settings.rate);
  count(wall);
  apply(now);
  keep_now_ = settings.source == RelaySettings::Source::Command;
}

void RelayHome::note_reached(Instant now) {
  if (!reached_) keep_now_ = true;
  reached_ = true;
  if (!server.on() && wanted()) apply(now);
}

void RelayHome::count(UnixTime wall) {
  const std::uint64_t all = server.forwarder().counters().forwarded_bytes;
  used_ += all - counted_;
  counted_ = all;
  if (const auto month = month_of(wall); month != month_) {
    month_ = month;
    used_ = 0;
    kept_ = 0;
  }
  const std::uint64_t left = used_ >= settings_.cap ? 0 : settings_.cap - used_;
  server.forwarder().set_left(settings_.cap == 0 ? relay::Forwarder::kNoLimit : left);
}

std::optional<Row> RelayHome::poll_row(Instant now, UnixTime wall) {
  count(wall);
  if (!kept_at_) kept_at_ = now;
  const bool much = used_ - kept_ >= kKeepBytes;
  const bool late = used_ != kept_ && now - *kept_at_ >= kKeepTime;
  if (!keep_now_ && !much && !late) return std::nullopt;
  keep_now_ = false;
  kept_ = used_;
  kept_at_ = now;
  return row();
}

RelayView RelayHome::view(Instant now) const {
  RelayView out;
  out.settings = settings_;
  out.on = server.on();
  out.reached = reached_;
  out.used = used_ + server.forwarder().counters().forwarded_bytes - counted_;
  out.reservations = server.reservations();
  out.circuits = server.circuits();
  out.load_permille = server.forwarder().rate().load_permille(now);
  out.server = server.counters();
  out.frames = server.forwarder().counters();
  out.through = circuits.counters();
  out.own_circuits = circuits.size();
  return out;
}

}  // namespace weft::overlay
