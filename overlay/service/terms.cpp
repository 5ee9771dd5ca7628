#include "overlay/service/terms.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace weft::service {

namespace {

constexpr std::int64_t kDayMinutes = 24 * 60;

std::int64_t floor_mod(std::int64_t value, std::int64_t by) { return ((value % by) + by) % by; }

std::int64_t second_of_day(const Asked& asked) {
  return floor_mod(asked.now + asked.east_s, kDayMinutes * 60);
}

bool within(const Hours& hours, const Asked& asked) {
  const auto minute = second_of_day(asked) / 60;
  if (hours.from < hours.to) return minute >= hours.from && minute < hours.to;
  return minute >= hours.from || minute < hours.to;
}

std::optional<std::uint16_t> minutes_from(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4))
    return std::nullopt;
  const int hour = (text[0] - '0') * 10 + text[1] - '0';
  const int minute = (text[3] - '0') * 10 + text[4] - '0';
  if (minute > 59 || hour * 60 + minute > kDayMinutes) return std::nullopt;
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

std::string text_of_minutes(unsigned minutes) {
  const auto two = [](unsigned value) {
    return std::string{static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
  };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

std::string ago(UnixTime seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + " hours";
  return std::to_string(seconds / 86'400) + " days";
}

}  // namespace

Result<Hours> Hours::from_text(std::string_view text) {
  const auto dash = text.find('-');
  const auto from = minutes_from(text.substr(0, dash));
  const auto to =
      dash == std::string_view::npos ? std::nullopt : minutes_from(text.substr(dash + 1));
  if (!from || !to || *from == *to || *from == kDayMinutes)
    return fail(Errc::Usage, "hours are written as 08:00-17:00, or 22:00-06:00 over midnight");
  return Hours{*from, *to};
}

std::string Hours::to_text() const { return text_of_minutes(from) + "-" + text_of_minutes(to); }

Unmet Terms::unmet(const Asked& asked) const {
  if (ended(asked.now)) return Unmet::Ended;
  if (hours && !within(*hours, asked)) return Unmet::Hours;
  if (from && !(asked.at && from->contains(*asked.at))) return Unmet::Place;
  return Unmet::None;
}

std::optional<UnixTime> Terms::next_turn(const Asked& asked) const {
  if (ended(asked.now)) return std::nullopt;
  std::optional<UnixTime> next = until != 0 ? std::optional(until) : std::nullopt;
  if (hours) {
    const auto second = second_of_day(asked);
    for (const auto minutes : {hours->from, hours->to}) {
      auto wait = floor_mod(std::int64_t{minutes} * 60 - second, kDayMinutes * 60);
      if (wait == 0) wait = kDayMinutes * 60;
      next = std::min(next.value_or(std::numeric_limits<UnixTime>::max()), asked.now + wait);
    }
  }
  return next;
}

std::string Terms::refusal(Unmet unmet, UnixTime now) const {
  switch (unmet) {
    case Unmet::Ended:
      return "the access that it was given ended " + ago(now - until) + " ago";
    case Unmet::Hours:
      return "its access is for " + hours->to_text() + ", by the clock there";
    case Unmet::Place:
      return "its access is for direct connections from " + from->to_text();
    case Unmet::None:
      break;
  }
  return {};
}

void Terms::encode(wire::Writer& out) const {
  out.uint(static_cast<std::uint64_t>(until));
  if (hours)
    out.array(2).uint(hours->from).uint(hours->to);
  else
    out.nil();
  if (from)
    out.array(2).bin(from->prefix).uint(from->bits);
  else
    out.nil();
}

Result<Terms> Terms::decode(wire::Reader& in) {
  const auto wrong = fail(Errc::Malformed, "stored terms of a rule");
  Terms out;
  WEFT_TRY(const auto until, in.uint());
  if (until > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()) * 4)
    return wrong;
  out.until = static_cast<UnixTime>(until);
  if (in.peek() == wire::Kind::Nil) {
    WEFT_CHECK(in.nil());
  } else {
    WEFT_TRY(const auto count, in.array(2));
    WEFT_TRY(const auto from, in.uint());
    WEFT_TRY(const auto to, in.uint());
    if (count != 2 || from >= kDayMinutes || to > kDayMinutes || from == to) return wrong;
    out.hours = Hours{static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(to)};
  }
  if (in.peek() == wire::Kind::Nil) {
    WEFT_CHECK(in.nil());
  } else {
    WEFT_TRY(const auto count, in.array(2));
    AddressRange range;
    WEFT_TRY(range.prefix, in.fixed<16>());
    WEFT_TRY(const auto bits, in.uint());
    if (count != 2 || bits > 128) return wrong;
    range.bits = static_cast<unsigned>(bits);
    out.from = range;
  }
  return out;
}

}  // namespace weft::service
