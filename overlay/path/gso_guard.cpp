#include "overlay/path/gso_guard.hpp"

#include "base/assert.hpp"

namespace weft::path {

namespace {

constexpr std::uint64_t kMemory = 512;  // packets; beyond that the past counts half

}  // namespace

std::string_view name_of(GsoGuard::State state) {
  switch (state) {
    case GsoGuard::State::On:
      return "on";
    case GsoGuard::State::Trial:
      return "trial";
    case GsoGuard::State::Off:
      return "off";
  }
  return "unknown";
}

std::string_view name_of(GsoSetting setting) {
  switch (setting) {
    case GsoSetting::Auto:
      return "auto";
    case GsoSetting::On:
      return "on";
    case GsoSetting::Off:
      return "off";
  }
  return "unknown";
}

GsoSetting gso_setting_named(std::string_view name) {
  if (name == "on") return GsoSetting::On;
  return name == "off" ? GsoSetting::Off : GsoSetting::Auto;
}

void GsoGuard::Tally::add(std::uint64_t packets, std::uint64_t of_them_lost) {
  ++count;
  sent += packets;
  lost += of_them_lost;
  if (sent <= kMemory) return;
  count /= 2;
  sent /= 2;
  lost /= 2;
}

void GsoGuard::note_train(Instant now, bool by_kernel, std::size_t sent, std::size_t lost) {
  WEFT_ASSERT(sent >= 2 && lost <= sent);
  look(now);
  switch (state_) {
    case State::On:
      if (!by_kernel) return;
      whole_.add(sent, lost);
      return suspect(now);
    case State::Trial:
      if (by_kernel) return;  // from before
      cut_.add(sent, lost);
      return judge(now);
    case State::Off:
      return;
  }
}

void GsoGuard::note_single(Instant now, bool lost) {
  look(now);
  singles_.add(1, lost ? 1 : 0);
}

void GsoGuard::look(Instant now) {
  if (state_ != State::Off || now < until_) return;
  state_ = State::On;
  whole_ = cut_ = singles_ = {};
}

// Half of what went in trains is gone, and of the singles at most half that share.
void GsoGuard::suspect(Instant now) {
  if (now < trusted_until_ || !whole_.enough() || whole_.lost * 2 < whole_.sent) return;
  if (singles_.sent - singles_.lost < kSingles) return;
  if (singles_.lost * 2 * whole_.sent > whole_.lost * singles_.sent) return;
  state_ = State::Trial;
  cut_ = {};
}

// The same traffic without the kernel's help: at most a quarter of the loss proves the case.
void GsoGuard::judge(Instant now) {
  if (!cut_.enough()) return;
  const bool helped = cut_.lost * 4 * whole_.sent <= whole_.lost * cut_.sent;
  state_ = helped ? State::Off : State::On;
  if (helped)
    until_ = now + kAgain;
  else
    trusted_until_ = now + kTrust;
  whole_ = cut_ = singles_ = {};
}

void GsoGuards::note(Instant now, const Endpoint& local, bool by_kernel, std::size_t sent,
                     std::size_t lost) {
  if (setting_ != GsoSetting::Auto || sent == 0) return;
  if (!guards_.contains(local) && guards_.size() >= kMost)
    std::erase_if(guards_, [](const auto& entry) { return entry.second.may_cut(); });
  if (!guards_.contains(local) && guards_.size() >= kMost) return;
  GsoGuard& guard = guards_[local];
  const auto before = guard.state();
  if (sent == 1)
    guard.note_single(now, lost > 0);
  else
    guard.note_train(now, by_kernel, sent, lost);
  tell(local, guard, before);
}

bool GsoGuards::may_cut(Instant now, const Endpoint& local) {
  if (setting_ != GsoSetting::Auto) return setting_ == GsoSetting::On;
  const auto at = guards_.find(local);
  if (at == guards_.end()) return true;
  const auto before = at->second.state();
  at->second.look(now);
  tell(local, at->second, before);
  return at->second.may_cut();
}

std::vector<GsoGuards::Interface> GsoGuards::off() const {
  std::vector<Interface> out;
  for (const auto& [local, guard] : guards_)
    if (guard.state() == GsoGuard::State::Off) out.push_back({local, guard.state(), guard.until()});
  return out;
}

std::optional<GsoGuards::Interface> GsoGuards::poll_change() {
  if (changes_.empty()) return std::nullopt;
  const Interface change = changes_.front();
  changes_.erase(changes_.begin());
  return change;
}

void GsoGuards::tell(const Endpoint& local, const GsoGuard& guard, GsoGuard::State before) {
  const auto after = guard.state();
  if ((before == GsoGuard::State::Off) == (after == GsoGuard::State::Off)) return;
  if (changes_.size() >= kMostChanges) changes_.erase(changes_.begin());
  changes_.push_back({local, after, guard.until()});
}

}  // namespace weft::path
