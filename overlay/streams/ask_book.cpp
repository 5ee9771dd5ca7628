#include "overlay/streams/ask_book.hpp"

#include <algorithm>
#include <iterator>

namespace weft::overlay {

AskStatus AskBook::add(UnixTime now, const NodeId& who, const Ask& ask, bool& fresh) {
  fresh = false;
  drop_if([&](const Entry& e) { return e.refused && now >= e.at + kRefusedFor; });
  const auto same = std::ranges::find_if(
      entries_, [&](const Entry& e) { return e.who == who && e.service == ask.service; });
  if (same != entries_.end()) {
    if (same->refused) return AskStatus::Refused;
    same->note = ask.note;
    same->at = now;
    return AskStatus::Noted;
  }
  const auto of_one = std::ranges::count(entries_, who, &Entry::who);
  if (entries_.size() >= kMaxAsks || of_one >= static_cast<std::ptrdiff_t>(kMaxOfOne))
    return AskStatus::Full;
  entries_.push_back({++last_, who, ask.service, ask.note, now, false});
  fresh = true;
  return AskStatus::Noted;
}

const AskBook::Entry* AskBook::find(std::uint64_t id) const {
  const auto at = std::ranges::find(entries_, id, &Entry::id);
  return at == entries_.end() || at->refused ? nullptr : &*at;
}

bool AskBook::refuse(UnixTime now, std::uint64_t id) {
  const auto at = std::ranges::find(entries_, id, &Entry::id);
  if (at == entries_.end() || at->refused) return false;
  at->refused = true;
  at->at = now;
  return true;
}

void AskBook::remove(std::uint64_t id) {
  drop_if([&](const Entry& e) { return e.id == id; });
}

void AskBook::drop_if(const std::function<bool(const Entry&)>& over) {
  std::erase_if(entries_, over);
}

std::vector<AskBook::Entry> AskBook::waiting() const {
  std::vector<Entry> out;
  std::ranges::copy_if(entries_, std::back_inserter(out),
                       [](const Entry& e) { return !e.refused; });
  return out;
}

}  // namespace weft::overlay
