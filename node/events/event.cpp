#include "node/events/event.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <type_traits>

#include "base/assert.hpp"
#include "base/text.hpp"

namespace weft::events {

namespace {

// A field's value as text, for sentences and lists.
std::string text_of(const std::string& value) { return value; }
std::string text_of(std::uint64_t value) { return std::to_string(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const Texts& value) {
  std::string out;
  for (const auto& item : value) out += (out.empty() ? "" : ", ") + item;
  return out;
}
std::string text_of(const Asked& value) {
  std::string out;
  for (const auto& [name, item] : value) out += (out.empty() ? "" : ", ") + name + " " + item;
  return out;
}

bool is_bare(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:/@*+[]%~").contains(c);
  });
}

void append_field(std::string& line, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  ((line += ' ') += name) += '=';
  line += is_bare(value) ? std::string(value) : in_quotes(value);
}

// Fn: (name, value) for each field.
template <class Fn>
void each_field(const Body& body, const Fn& fn) {
  std::visit(
      [&](const auto& kind) {
        visit_fields(kind, [&](std::string_view name, std::string_view, std::string_view,
                               const auto& value) { fn(name, value); });
      },
      body);
}

void cut(std::string& text) {
  if (text.size() <= kMaxText) return;
  std::size_t at = kMaxText;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  text.resize(at);
}
void cut(std::uint64_t&) {}
void cut(bool&) {}
void cut(Texts& texts) {
  if (texts.size() > kMaxItems) texts.resize(kMaxItems);
  for (auto& text : texts) cut(text);
}
void cut(Asked& asked) {
  if (asked.size() > kMaxItems) asked.resize(kMaxItems);
  for (auto& [name, value] : asked) {
    cut(name);
    cut(value);
  }
}

std::size_t size_of(const std::string& text) { return text.capacity(); }
std::size_t size_of(std::uint64_t) { return 0; }
std::size_t size_of(bool) { return 0; }
std::size_t size_of(const Texts& texts) {
  std::size_t out = texts.capacity() * sizeof(std::string);
  for (const auto& text : texts) out += text.capacity();
  return out;
}
std::size_t size_of(const Asked& asked) {
  std::size_t out = asked.capacity() * sizeof(Asked::value_type);
  for (const auto& [name, value] : asked) out += name.capacity() + value.capacity();
  return out;
}

Json json_of(const Asked& asked) {
  Json out = Json::object();
  for (const auto& [name, value] : asked) out[name] = value;
  return out;
}
template <class T>
Json json_of(const T& value) {
  return value;
}

std::string time_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char when[32] = {};
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[8] = {};
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(ms.count() % 1000));
  return std::string(when) + fraction;
}

template <class... T>
std::vector<Kind> list_kinds(std::type_identity<std::variant<T...>>) {
  return {T::kKind...};
}

template <class T>
constexpr std::string_view type_name() {
  if constexpr (std::is_same_v<T, std::string>)
    return "text";
  else if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (std::is_same_v<T, Texts>)
    return "list of texts";
  else if constexpr (std::is_same_v<T, Asked>)
    return "object of texts";
  else
    return "number";
}

constexpr std::array<std::string_view, 8> kGroups{"node",  "peers", "members", "services",
                                                  "doors", "store", "api",     "events"};

template <class T>
void describe(std::string& out) {
  out += "| `" + std::string(T::kKind.name) + "` | " + std::string(name_of(T::kKind.level)) +
         " | " + std::string(T::kKind.sentence) + " | ";
  bool first = true;
  visit_fields(
      T{}, [&](std::string_view name, std::string_view, std::string_view help, const auto& value) {
        if (!std::exchange(first, false)) out += "<br>";
        out += "`" + std::string(name) + "` " +
               std::string(type_name<std::decay_t<decltype(value)>>()) + ": " + std::string(help);
      });
  out += " |\n";
}

template <class... T>
void describe_group(std::string& out, Group group, std::type_identity<std::variant<T...>>) {
  ((T::kKind.group == group ? describe<T>(out) : void()), ...);
}

constexpr std::string_view kIntroduction = R"(# Events

What happens at a node, as it happens: `weft events` shows it, `GET /api/v1/events` streams it, and
the log has a line of each. This page is made from `node/events/kinds.hpp`:
`weft help --events > docs/events.md`.

`weft events [KIND...]` takes names of kinds and of groups, and goes on until Ctrl-C. `--since ID`
begins after that event, `--since 0` with the oldest that is kept; `--past` ends with the newest.
`--jsonl` writes one `weft.event/1` a line, `--json` one `weft.events/1` of all that is kept.

## An event

`{"schema": "weft.event/1", "id", "seq", "time", "kind", "group", "level", "network", "text"}` and
the fields of its kind. `seq` counts from 1 in each run of the daemon, without holes. `id` is
`RUN-SEQ`; RUN changes with each start, so that an id of an earlier run is known as such. `network`
is left out of what concerns the whole node. Fields may be added to a kind, never renamed.

## The stream

`GET /api/v1/events` answers with server-sent events: `id:` is the event's id, `event:` its kind,
`data:` its JSON. `Last-Event-ID` (or `since=ID` in the query) goes on after that event; `kind=A,B`
picks kinds and groups. Without an id it begins with what comes next; `since=0` begins with the
oldest that is kept.

A node keeps its newest 4,096 events, at most 2 MiB of them. What a reader asks for and is not kept
any more is told as an event of its own, `event: gap` with `weft.gap/1`:
`{"schema", "from", "to", "reason"}`. `from` and `to` are the first and the last `seq` that are
missing; the reason is `overwritten`, or `restarted` when the id is of an earlier run, in which case
nobody knows how many are missing and `from` and `to` are those of this run that are. A reader that
does not take what it is sent is told `event: dropped` and its stream is ended; it may come again
with its last id.

Equal events are kept five times a minute and then counted, as lines of the log are: the kind
`repeated` says how many. Equal are those of one kind with the same peer, service and reason. What
operators did, and that the node starts and stops, is always kept.

No event holds a ticket, a key or a token.
)";

}  // namespace

const Kind& kind_of(const Body& body) {
  return std::visit([](const auto& kind) -> const Kind& { return kind.kKind; }, body);
}

std::string_view name_of(Group group) { return kGroups[static_cast<std::size_t>(group)]; }

std::string_view name_of(Level level) {
  constexpr std::array<std::string_view, 3> kNames{"info", "warn", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

const std::vector<Kind>& all_kinds() {
  static const std::vector<Kind> kinds = list_kinds(std::type_identity<Body>{});
  return kinds;
}

bool is_kind_or_group(std::string_view text) {
  return std::ranges::find(kGroups, text) != kGroups.end() ||
         std::ranges::find(all_kinds(), text, &Kind::name) != all_kinds().end();
}

bool picks(const std::vector<std::string>& wanted, const Body& body) {
  const Kind& kind = kind_of(body);
  return wanted.empty() || std::ranges::any_of(wanted, [&](const std::string& one) {
           return one == kind.name || one == name_of(kind.group);
         });
}

std::string log_line(const Body& body) {
  std::string line = "event=" + std::string(kind_of(body).name);
  each_field(body, [&](std::string_view name, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Asked>) {
      for (const auto& [key, item] : value) append_field(line, key, item);
    } else {
      append_field(line, name, text_of(value));
    }
  });
  return line;
}

std::string sentence(const Body& body) {
  std::string_view pattern = kind_of(body).sentence;
  std::string out;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    out += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = pattern.find('}', open);
    const auto wanted = pattern.substr(open + 1, close - open - 1);
    each_field(body, [&](std::string_view name, const auto& value) {
      if (name == wanted) out += text_of(value);
    });
    pattern.remove_prefix(close + 1);
  }
  while (out.ends_with(' ') || out.ends_with(':')) out.pop_back();
  return out;
}

Json to_json(const NodeEvent& event) {
  const Kind& kind = kind_of(event.body);
  Json out{{"schema", "weft.event/1"},      {"id", id_of(event)}, {"seq", event.seq},
           {"time", time_text(event.time)}, {"kind", kind.name},  {"group", name_of(kind.group)},
           {"level", name_of(event.level)}};
  if (!event.network.empty()) out["network"] = event.network;
  out["text"] = sentence(event.body);
  each_field(event.body, [&](std::string_view name, const auto& value) {
    WEFT_DCHECK(!out.contains(name));  // a test walks all kinds
    out[std::string(name)] = json_of(value);
  });
  return out;
}

void limit_texts(Body& body) {
  std::visit(
      [](auto& kind) {
        using T = std::decay_t<decltype(kind)>;
        std::apply([&](const auto&... listed) { (cut(kind.*listed.member), ...); }, T::fields());
      },
      body);
}

std::size_t memory_of(const NodeEvent& event) {
  std::size_t out = sizeof event + event.network.capacity();
  each_field(event.body, [&](std::string_view, const auto& value) { out += size_of(value); });
  return out;
}

std::string id_of(const NodeEvent& event) {
  return std::to_string(event.run) + "-" + std::to_string(event.seq);
}

std::optional<Position> position_from_text(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || at != end) return std::nullopt;
    return value;
  };
  const auto dash = text.find('-');
  const auto seq = number(dash == std::string_view::npos ? text : text.substr(dash + 1));
  if (!seq) return std::nullopt;
  if (dash == std::string_view::npos) return Position{std::nullopt, *seq};
  const auto run = number(text.substr(0, dash));
  if (!run) return std::nullopt;
  return Position{run, *seq};
}

std::string reference() {
  std::string out(kIntroduction);
  for (std::size_t i = 0; i < kGroups.size(); ++i) {
    out += "\n## " + std::string(kGroups[i]) +
           "\n\n| kind | level | text | fields |\n|---|---|---|---|\n";
    describe_group(out, static_cast<Group>(i), std::type_identity<Body>{});
  }
  return out;
}

}  // namespace weft::events
