#include "overlay/relay/circuits.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::relay {

Endpoint stand_in(PathId path) {
  Endpoint out;
  out.address[0] = 0x01;
  auto number = static_cast<std::uint32_t>(path);
  for (std::size_t i = 16; i-- > 12; number >>= 8)
    out.address[i] = static_cast<std::uint8_t>(number);
  return out;
}

void Circuits::set_way(Session session, const Way& way) { ways_[session] = way; }

Result<PathId> Circuits::open(Circuit made) {
  if (!ways_.contains(made.session)) return fail(Errc::NotFound, "no session with that relay");
  if (circuits_.size() >= kMaxOwnCircuits) return fail(Errc::Limit, "too many circuits");
  const auto [from, to] = labels_.equal_range(made.label);
  for (auto at = from; at != to; ++at)
    if (circuits_.at(at->second).circuit.session == made.session)
      return fail(Errc::Conflict, "the relay gave one label twice");
  path::Path path;
  path.kind = path::PathKind::Circuit;
  path.mtu = path::kUdpMtu - kHeader;
  path.headroom = kHeader;
  path.via = made.relay;
  WEFT_TRY(made.path, paths_.add(path));
  labels_.emplace(made.label, made.path);
  circuits_.emplace(made.path, Entry{made, std::nullopt});
  return made.path;
}

void Circuits::close(PathId path) {
  const auto at = circuits_.find(path);
  if (at == circuits_.end()) return;
  const auto [from, to] = labels_.equal_range(at->second.circuit.label);
  for (auto label = from; label != to; ++label) {
    if (label->second != path) continue;
    labels_.erase(label);
    break;
  }
  circuits_.erase(at);
  paths_.close(path);
}

std::vector<PathId> Circuits::leave(Session session) {
  std::vector<PathId> out;
  for (const auto& [path, entry] : circuits_)
    if (entry.circuit.session == session) out.push_back(path);
  for (const auto path : out) close(path);
  ways_.erase(session);
  return out;
}

const Circuit* Circuits::find(PathId path) const {
  const auto at = circuits_.find(path);
  return at == circuits_.end() ? nullptr : &at->second.circuit;
}

const Circuit* Circuits::find(Session session, CircuitId id) const {
  for (const auto& [path, entry] : circuits_)
    if (entry.circuit.session == session && entry.circuit.id == id) return &entry.circuit;
  return nullptr;
}

std::vector<PathId> Circuits::with(const NodeId& peer) const {
  std::vector<PathId> out;
  for (const auto& [path, entry] : circuits_)
    if (entry.circuit.peer == peer) out.push_back(path);
  return out;
}

std::vector<PathId> Circuits::through(const Way& way) const {
  std::vector<PathId> out;
  for (const auto& [path, entry] : circuits_) {
    const auto& its = ways_.at(entry.circuit.session);
    if (its.path == way.path && its.remote == way.remote) out.push_back(path);
  }
  return out;
}

bool Circuits::wrap(Instant now, Transmit& transmit, MutableByteView bytes) {
  const auto at = circuits_.find(transmit.path);
  if (at == circuits_.end() || transmit.headroom != kHeader) {
    ++counters_.closed;
    return false;
  }
  Entry& entry = at->second;
  const Way& way = ways_.at(entry.circuit.session);
  const std::size_t segment = transmit.segment_size == 0 ? transmit.size : transmit.segment_size;
  for (std::size_t from = 0; from < transmit.size; from += segment) {
    write_header(bytes.subspan(from), entry.circuit.label);
    ++counters_.wrapped;
  }
  transmit.path = way.path;
  transmit.to = way.remote;
  transmit.local = way.local;
  transmit.headroom = 0;
  if (!entry.ask) {
    entry.ask = now + kSuspect;
    if (!look_at_ || *entry.ask < *look_at_) look_at_ = entry.ask;
  }
  return true;
}

Circuits::Entry* Circuits::entry_of(const Datagram& frame) {
  const auto label = read_header(frame.payload);
  if (!label) {
    ++counters_.unknown_label;
    return nullptr;
  }
  const auto [from, to] = labels_.equal_range(*label);
  for (auto at = from; at != to; ++at) {
    Entry& entry = circuits_.at(at->second);
    if (ways_.at(entry.circuit.session).carries(frame)) return &entry;
  }
  ++(from == to ? counters_.unknown_label : counters_.wrong_way);
  return nullptr;
}

void Circuits::handle_timeout(Instant now) {
  if (!look_at_ || now < *look_at_) return;
  look_at_.reset();
  for (auto& [path, entry] : circuits_) {
    if (!entry.ask) continue;
    if (*entry.ask <= now) {
      suspects_.push_back(path);
      entry.ask.reset();
    } else if (!look_at_ || *entry.ask < *look_at_) {
      look_at_ = entry.ask;
    }
  }
}

std::optional<PathId> Circuits::poll_suspect() {
  while (!suspects_.empty()) {
    const PathId path = suspects_.front();
    suspects_.pop_front();
    if (circuits_.contains(path)) return path;
  }
  return std::nullopt;
}

void Circuits::check_invariants() const {
  WEFT_ASSERT(circuits_.size() == labels_.size() && circuits_.size() <= kMaxOwnCircuits);
  for (const auto& [path, entry] : circuits_) {
    WEFT_ASSERT(ways_.contains(entry.circuit.session) && entry.circuit.path == path);
    WEFT_ASSERT(paths_.at(path).kind == path::PathKind::Circuit && !paths_.at(path).closed);
  }
}

}  // namespace weft::relay
