#include "overlay/relay/forwarder.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::relay {

namespace {

// What one sendmsg with UDP_SEGMENT takes.
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxBatch = 65000;

}  // namespace

// ---- clients and legs ---------------------------------------------------------------------------

Forwarder::Client Forwarder::add_client(const Way& way) {
  Client client = 0;
  if (free_clients_.empty()) {
    client = static_cast<Client>(clients_.size());
    clients_.emplace_back();
  } else {
    client = free_clients_.back();
    free_clients_.pop_back();
  }
  clients_[client] = {way, {}, true};
  return client;
}

void Forwarder::remove_client(Client client) {
  WEFT_ASSERT(clients_[client].taken);
  clients_[client] = {};
  free_clients_.push_back(client);
}

Forwarder::Leg Forwarder::new_leg(Rng& rng, Client client, std::uint64_t most) {
  Label label = 0;
  while (label == 0 || labels_.contains(label)) label = rng.u64() & kLabelMask;
  Leg leg = 0;
  if (free_legs_.empty()) {
    leg = static_cast<Leg>(legs_.size());
    legs_.emplace_back();
  } else {
    leg = free_legs_.back();
    free_legs_.pop_back();
  }
  legs_[leg] = {label, client, leg, false, most, {}};
  labels_.emplace(label, leg);
  return leg;
}

Forwarder::Pair Forwarder::add_pair(Rng& rng, Client a, Client b, std::uint64_t most) {
  WEFT_ASSERT(a != b);
  if (arena_.empty()) {
    arena_.resize(kArena);
    runs_.reserve(kMaxRuns);
  }
  const Pair pair{new_leg(rng, a, most), new_leg(rng, b, most)};
  legs_[pair.a].other = pair.b;
  legs_[pair.b].other = pair.a;
  return pair;
}

void Forwarder::start(const Pair& pair) {
  legs_[pair.a].live = true;
  legs_[pair.b].live = true;
}

void Forwarder::free_leg(Leg leg) {
  labels_.erase(legs_[leg].label);
  legs_[leg] = {};
  free_legs_.push_back(leg);
}

void Forwarder::remove_pair(const Pair& pair) {
  free_leg(pair.a);
  free_leg(pair.b);
}

// ---- frames -------------------------------------------------------------------------------------

Forwarder::LegEntry* Forwarder::leg_of(ByteView frame, const Datagram& run) {
  const auto label = read_header(frame);
  const auto at = label ? labels_.find(*label) : labels_.end();
  if (at == labels_.end()) {
    ++counters_.unknown_label;
    return nullptr;
  }
  LegEntry& leg = legs_[at->second];
  Sender& sender = clients_[leg.client];
  if (!sender.way.carries(run)) {
    ++counters_.wrong_way;
    return nullptr;
  }
  sender.way.local = run.local;  // answers leave from where it calls
  return &leg;
}

bool Forwarder::handle_datagram(Instant now, const Datagram& run) {
  const ByteView all = run.payload;
  if (!owns(all)) return false;
  const std::size_t segment = run.is_run() ? run.segment_size : all.size();
  for (std::size_t at = 0; at < all.size();) {
    const ByteView frame = all.subspan(at, std::min(segment, all.size() - at));
    LegEntry* leg = leg_of(frame, run);
    std::size_t end = at + frame.size();
    if (leg != nullptr) {
      while (end < all.size() &&
             read_header(all.subspan(end, std::min(segment, all.size() - end))) == leg->label)
        end += std::min(segment, all.size() - end);
      pass(now, *leg, all.subspan(at, end - at), segment, run.ecn);
    }
    at = end;
  }
  return true;
}

// How many bytes from the front may pass: whole datagrams.
std::size_t Forwarder::admitted(Instant now, LegEntry& from, ByteView bytes, std::size_t segment) {
  auto& part = clients_[from.client].part;
  for (std::size_t at = 0; at < bytes.size(); at += segment) {
    const std::size_t size = std::min(segment, bytes.size() - at);
    const std::uint64_t dropped = (bytes.size() - at + segment - 1) / segment;
    if (from.left < size || left_ < size) {
      counters_.over_volume += dropped;
      return at;
    }
    if (!rate_.take(now, part, size)) {
      counters_.over_rate += dropped;
      return at;
    }
    if (from.left != kNoLimit) from.left -= size;
    if (left_ != kNoLimit) left_ -= size;
  }
  return bytes.size();
}

void Forwarder::pass(Instant now, LegEntry& from, ByteView bytes, std::size_t segment, Ecn ecn) {
  const std::uint64_t count = (bytes.size() + segment - 1) / segment;
  if (!from.live) {
    counters_.not_open += count;
    return;
  }
  from.used = now;
  const Way& out = clients_[legs_[from.other].client].way;
  if (paths_.at(out.path).closed || paths_.blocked(out.path, out.remote)) {
    counters_.no_room += count;
    return;
  }
  const ByteView admitted_bytes = bytes.first(admitted(now, from, bytes, segment));
  if (!admitted_bytes.empty()) queue(from, admitted_bytes, segment, ecn);
}

// The run that waits last, if these datagrams may leave in one call with it.
Forwarder::Run* Forwarder::extends(const Run& more) {
  if (runs_.size() == next_) return nullptr;
  Run& last = runs_.back();
  const bool same = last.leg == more.leg && last.segment == more.segment && last.ecn == more.ecn &&
                    last.way == more.way && last.size % more.segment == 0;
  const std::size_t whole = last.size + more.size;
  return same && whole <= kMaxBatch && whole <= kMaxSegments * more.segment ? &last : nullptr;
}

void Forwarder::queue(const LegEntry& from, ByteView bytes, std::size_t segment, Ecn ecn) {
  const std::uint64_t count = (bytes.size() + segment - 1) / segment;
  const LegEntry& to = legs_[from.other];
  if (arena_.size() - filled_ < bytes.size() || runs_.size() == kMaxRuns) {
    counters_.no_room += count;
    return;
  }
  const MutableByteView place = MutableByteView(arena_).subspan(filled_, bytes.size());
  std::ranges::copy(bytes, place.begin());
  for (std::size_t at = 0; at < place.size(); at += segment)
    write_header(place.subspan(at), to.label);
  const Run more{from.other, clients_[to.client].way, filled_, bytes.size(), segment, ecn};
  if (Run* last = extends(more))
    last->size += bytes.size();
  else
    runs_.push_back(more);
  filled_ += bytes.size();
  counters_.forwarded += count;
  counters_.forwarded_bytes += bytes.size();
}

std::optional<Transmit> Forwarder::poll_transmit(MutableByteView out) {
  while (next_ < runs_.size()) {
    Run& run = runs_[next_];
    const std::size_t most =
        out.size() >= run.size ? run.size : out.size() / run.segment * run.segment;
    Transmit transmit{run.way.path, run.way.remote, most, 0, run.ecn, run.way.local};
    std::ranges::copy(ByteView(arena_).subspan(run.at, most), out.begin());
    if (most > run.segment) transmit.segment_size = run.segment;
    if (most == run.size || most == 0) {  // what never fits is dropped
      ++next_;
    } else {
      run.at += most;
      run.size -= most;
    }
    if (next_ == runs_.size()) {
      runs_.clear();
      next_ = 0;
      filled_ = 0;
    }
    if (most > 0) return transmit;
    ++counters_.no_room;
  }
  return std::nullopt;
}

void Forwarder::check_invariants() const {
  std::size_t used = 0;
  for (std::size_t i = 0; i < legs_.size(); ++i) {
    const LegEntry& leg = legs_[i];
    if (leg.label == 0) continue;
    ++used;
    WEFT_ASSERT(labels_.at(leg.label) == i && clients_[leg.client].taken);
    const LegEntry& other = legs_[leg.other];
    WEFT_ASSERT(other.label != 0 && other.other == i && other.client != leg.client &&
                other.live == leg.live);
  }
  WEFT_ASSERT(used == labels_.size() && used % 2 == 0);
  WEFT_ASSERT(filled_ <= arena_.size() && next_ <= runs_.size());
}

}  // namespace weft::relay
