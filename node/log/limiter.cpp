#include "node/log/limiter.hpp"

#include <algorithm>
#include <array>

#include "base/share.hpp"

namespace weft::log {

namespace {

constexpr std::array<std::string_view, 6> kAlways{"audit",  "start",         "stopping",
                                                  "reload", "reload_failed", "removed"};
constexpr std::string_view kOther = "other";

// Past the value that begins here.
std::size_t end_of_value(std::string_view text) {
  if (!text.starts_with('"')) return std::min(text.find(' '), text.size());
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

std::string kind_of(std::string_view line, std::string_view event) {
  std::string out(event);
  bool told = false;
  for (const auto* key : {"service", "peer", "local", "status", "reason", "resource"}) {
    const auto value = field_of(line, key);
    if (value.empty()) continue;
    ((out += " ") += key) += "=" + std::string(value);
    told = true;
  }
  if (const auto text = field_of(line, "msg"); !told && !text.empty())
    out += " text=" + std::string(text);
  return out;
}

}  // namespace

std::string_view field_of(std::string_view line, std::string_view key) {
  while (!line.empty()) {
    const auto equals = line.find_first_of("= ");
    if (equals == std::string_view::npos) return {};
    const auto name = line.substr(0, equals);
    const bool has_value = line[equals] == '=';
    line.remove_prefix(equals + 1);
    if (!has_value) continue;
    const auto size = end_of_value(line);
    if (name == key) return line.substr(0, size);
    line.remove_prefix(std::min(size + 1, line.size()));
  }
  return {};
}

bool Limiter::admit(Instant now, std::string_view line) {
  const auto event = field_of(line, "event");
  if (std::ranges::find(kAlways, event) != kAlways.end()) return true;
  std::string name = kind_of(line, event);
  auto at = kinds_.find(name);
  if (at == kinds_.end()) {
    auto& of_event = of_event_[std::string(event)];
    if (!may_take(kMaxKinds, kinds_.size(), of_event)) {
      at = kinds_.try_emplace(std::string(kOther), Kind{now, 0, kOtherBurst, {}}).first;
    } else {
      ++of_event;
      at = kinds_.emplace(std::move(name), Kind{now, 0, kBurst, std::string(event)}).first;
    }
  }
  return ++at->second.count <= at->second.burst;
}

std::vector<Limiter::HeldBack> Limiter::tell(bool all, Instant now) {
  std::vector<HeldBack> out;
  std::erase_if(kinds_, [&](const auto& entry) {
    const auto& [name, kind] = entry;
    if (!all && now - kind.since < kPeriod) return false;
    if (kind.count > kind.burst) {
      const auto space = std::min(name.find(' '), name.size());
      out.push_back({name.substr(0, space), name.substr(std::min(space + 1, name.size())),
                     kind.count - kind.burst});
    }
    if (const auto of = of_event_.find(kind.event); of != of_event_.end() && --of->second == 0)
      of_event_.erase(of);
    return true;
  });
  return out;
}

std::string Limiter::HeldBack::line() const {
  const auto more = std::to_string(count);
  return "event=repeated of=" + of + (about.empty() ? "" : " ") + about + " count=" + more +
         " msg=\"" + more + " more in the last minute\"";
}

std::vector<Limiter::HeldBack> Limiter::due(Instant now) { return tell(false, now); }
std::vector<Limiter::HeldBack> Limiter::rest() { return tell(true, {}); }

}  // namespace weft::log
