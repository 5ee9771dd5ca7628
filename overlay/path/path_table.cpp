#include "overlay/path/path_table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace weft::path {

namespace {

bool reaches(const Path& socket, const Endpoint& to) {
  const Endpoint& from = socket.local;
  if (from.is_unspecified() && !from.is_v4()) return !to.is_v4() || socket.both_families;
  if (from.is_v4() != to.is_v4()) return false;
  return from.is_unspecified() || from.is_loopback() == to.is_loopback();
}

}  // namespace

std::string_view name_of(PathKind kind) {
  switch (kind) {
    case PathKind::Circuit:
      return "relay";
    case PathKind::Tcp:
      return "tcp";
    case PathKind::Wss:
      return "wss";
    case PathKind::Udp:
    case PathKind::Ice:
      break;
  }
  return "direct";
}

PathTable::PathTable() { paths_.emplace(PathId::Udp, Entry{}); }

Result<PathId> PathTable::add(const Path& path) {
  if (path.mtu < kLeastMtu || path.headroom > kMostHeadroom)
    return fail(Errc::Usage, "a path takes datagrams of 1,200 bytes, with 8 before them at most");
  if (paths_.size() >= kMost) return fail(Errc::Limit, "too many paths");
  while (next_ == 0 || paths_.contains(PathId{next_})) ++next_;
  const PathId id{next_++};
  paths_.emplace(id, Entry{path, 0});
  if (path.kind == PathKind::Udp) sockets_.push_back(id);
  return id;
}

void PathTable::close(PathId id) {
  Entry* entry = find(id);
  if (entry == nullptr || id == PathId::Udp) return;
  entry->path.closed = true;
  entry->path.blocked = false;
  std::erase(sockets_, id);
  forget_if_over(id);
}

void PathTable::set_local(PathId id, const Endpoint& local, bool both_families) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->path.local = local;
  entry->path.both_families = both_families;
}

void PathTable::set_blocked(PathId id, bool blocked) {
  if (Entry* entry = find(id)) entry->path.blocked = blocked && !entry->path.closed;
}

void PathTable::set_lost(PathId id, bool lost) {
  if (Entry* entry = find(id)) entry->path.lost = lost;
}

void PathTable::note(PathId id, const Endpoint& to, Duration rtt, std::size_t sent,
                     std::size_t lost) {
  WEFT_ASSERT(lost <= sent);
  const auto carrier = carrier_of(id, to);
  Entry* entry = carrier ? find(*carrier) : nullptr;
  if (entry == nullptr || sent == 0) return;
  Path& path = entry->path;
  path.rtt = path.rtt ? *path.rtt + (rtt - *path.rtt) / 8 : rtt;
  const auto share = static_cast<std::int64_t>(lost * 1000 / sent);
  const auto before = static_cast<std::int64_t>(path.loss_permille);
  path.loss_permille = static_cast<std::uint32_t>(before + (share - before) / 8);
}

const Path& PathTable::at(PathId id) const {
  static const Path gone{.closed = true};
  const Entry* entry = find(id);
  return entry == nullptr ? gone : entry->path;
}

std::optional<PathId> PathTable::carrier_of(PathId id, const Endpoint& to) const {
  if (id == PathId::Udp) return usual(to);
  const Entry* entry = find(id);
  if (entry == nullptr || entry->path.closed) return std::nullopt;
  return entry->path.lost ? usual(to) : id;
}

const Path& PathTable::leaving(PathId id, const Endpoint& to) const {
  return at(carrier_of(id, to).value_or(id));
}

PathId PathTable::arriving(PathId carrier, const Endpoint& from) const {
  return usual(from) == carrier ? PathId::Udp : carrier;
}

bool PathTable::blocked(PathId id, const Endpoint& to) const {
  const auto carrier = carrier_of(id, to);
  return carrier && at(*carrier).blocked;
}

bool PathTable::held(PathId id) const {
  const Entry* entry = find(id);
  return entry != nullptr && entry->holds > 0;
}

void PathTable::check_invariants() const {
  WEFT_ASSERT(paths_.size() <= kMost && paths_.contains(PathId::Udp));
  for (const auto& [id, entry] : paths_) {
    WEFT_ASSERT(!entry.path.closed || entry.holds > 0);
    const bool listed = std::ranges::find(sockets_, id) != sockets_.end();
    WEFT_ASSERT(listed ==
                (id != PathId::Udp && entry.path.kind == PathKind::Udp && !entry.path.closed));
  }
}

PathTable::Entry* PathTable::find(PathId id) {
  const auto at = paths_.find(id);
  return at == paths_.end() ? nullptr : &at->second;
}

const PathTable::Entry* PathTable::find(PathId id) const {
  const auto at = paths_.find(id);
  return at == paths_.end() ? nullptr : &at->second;
}

void PathTable::forget_if_over(PathId id) {
  const auto at = paths_.find(id);
  if (at != paths_.end() && at->second.path.closed && at->second.holds == 0) paths_.erase(at);
}

// A node with one socket sends everything there: the kernel says what it does not reach.
std::optional<PathId> PathTable::usual(const Endpoint& to) const {
  if (sockets_.size() == 1) return sockets_.front();
  for (const PathId id : sockets_) {
    const Path& socket = find(id)->path;
    if (!socket.lost && reaches(socket, to)) return id;
  }
  return std::nullopt;
}

PathHold::PathHold(PathTable& table, PathId id) {
  auto* entry = table.find(id);
  if (entry == nullptr) return;
  ++entry->holds;
  table_ = &table;
  id_ = id;
}

PathHold::~PathHold() {
  if (table_ == nullptr) return;
  auto* entry = table_->find(id_);
  WEFT_ASSERT(entry != nullptr && entry->holds > 0);
  --entry->holds;
  table_->forget_if_over(id_);
}

PathHold::PathHold(PathHold&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)), id_(other.id_) {}

PathHold& PathHold::operator=(PathHold&& other) noexcept {
  std::swap(table_, other.table_);
  std::swap(id_, other.id_);
  return *this;
}

}  // namespace weft::path
