// Two nodes of one network with a SessionLayer each, joined by a Link and stepped in virtual time.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "base/crypto.hpp"
#include "overlay/session/session_layer.hpp"
#include "tests/harness/link.hpp"

namespace weft::harness {

// A roster one can write on.
class FakeTrust final : public TrustView {
 public:
  std::set<NodeId> members;
  std::set<NodeId> removed;
  std::map<NodeId, std::uint64_t> floors;

  Verdict verdict(const NetworkId&, const NodeId& node, UnixTime) const override {
    if (removed.contains(node)) return Verdict::Removed;
    return members.contains(node) ? Verdict::Member : Verdict::Unknown;
  }
  std::uint64_t epoch_floor(const NetworkId&, const NodeId& node) const override {
    const auto at = floors.find(node);
    return at == floors.end() ? 0 : at->second;
  }
  std::optional<std::string> name_of(const NetworkId&, const NodeId&) const override {
    return std::nullopt;
  }
  std::optional<NodeId> node_named(const NetworkId&, const std::string&) const override {
    return std::nullopt;
  }
  bool in_group(const NetworkId&, const NodeId&, const std::string&) const override {
    return false;
  }
};

inline constexpr UnixTime kEpoch = 1'800'000'000;

struct End {
  End(std::uint64_t seed, const Endpoint& where, FakeTrust& shared_trust,
      session::SessionLimits limits)
      : rng(seed),
        identity(Identity::generate(rng)),
        endpoint(where),
        trust(shared_trust),
        layer(identity, trust, rng, paths, WallClock{Instant{}, kEpoch}, limits) {}

  void join(const NetworkId& id, const ByteArray<32>& secret, bool accept_joiners = false) {
    network.id = id;
    network.secret = secret;
    network.credential.key = crypto::X25519KeyPair::generate(rng);
    network.credential.certificate =
        Certificate::issue(identity, id, network.credential.key.public_key,
                           static_cast<std::uint64_t>(kEpoch), kEpoch);
    network.accept_joiners = accept_joiners;
    layer.set_network(network);
  }

  SeededRng rng;
  Identity identity;
  Endpoint endpoint;
  FakeTrust& trust;
  path::PathTable paths;
  session::SessionLayer layer;
  session::NetworkContext network;
  std::vector<session::SessionEvent> events;
  bool mute = false;  // what it sends is thrown away
};

class Pair {
 public:
  explicit Pair(std::uint64_t seed = 1, LinkOptions options = {},
                session::SessionLimits limits = {})
      : Pair(seed, options, limits, limits) {}
  Pair(std::uint64_t seed, LinkOptions options, session::SessionLimits limits_a,
       session::SessionLimits limits_b)
      : link(seed ^ 0x5eed, options),
        a(seed * 2 + 1, Endpoint::v4(0x0a000001, 4001), trust, limits_a),
        b(seed * 2 + 2, Endpoint::v4(0x0a000002, 4002), trust, limits_b) {
    now += 1s;
    const NetworkId id{crypto::sha256(bytes_of("pair"))};
    const ByteArray<32> secret = crypto::sha256(bytes_of("secret"));
    a.join(id, secret);
    b.join(id, secret);
    trust.members = {a.identity.id, b.identity.id};
  }

  session::DialTarget target(bool ik = true) const {
    session::DialTarget t;
    t.network = b.network.id;
    t.identity = b.identity.public_key();
    if (ik) t.static_key = b.network.credential.key.public_key;
    t.endpoint = b.endpoint;
    return t;
  }

  // Called for every event as it comes, before the next step: streams are pumped here.
  std::function<void(End&, const session::SessionEvent&)> on_event;
  // Sees each datagram before the link; returning false swallows it.
  std::function<bool(int from, Bytes& bytes)> tap;
  // Sees each batch before it is cut, as the kernel would; returning false swallows it whole.
  std::function<bool(int from, const Transmit& batch)> batch_tap;
  // The path by which `to` is told that a datagram came; unset: the one it was sent by.
  std::function<PathId(int to, PathId path)> came_by;
  bool joins_runs = false;  // what arrives at once from one sender comes as a run, as by GRO
  std::size_t runs = 0;     // so many of two or more
  void drain() {
    for (bool moved = true; moved;) {
      const bool first = drain_one(0);
      moved = drain_one(1) || first;
    }
  }
  bool step(Instant until) {
    drain();
    Instant next = until;
    bool any = false;
    const auto consider = [&](std::optional<Instant> at) {
      if (at && *at <= until) {
        next = std::min(next, std::max(*at, now));
        any = true;
      }
    };
    consider(link.next());
    consider(a.layer.poll_timeout());
    consider(b.layer.poll_timeout());
    now = std::max(now, next);
    if (!any) return false;
    if (joins_runs) {
      deliver_runs();
    } else {
      while (auto d = link.pop(now)) deliver(*d);
    }
    a.layer.handle_timeout(now);
    b.layer.handle_timeout(now);
    drain();
    return true;
  }
  void run(Duration span) {
    const Instant until = now + span;
    while (step(until)) {
    }
  }
  bool run_until(const std::function<bool()>& done, Duration span) {
    const Instant until = now + span;
    drain();
    while (!done()) {
      if (!step(until)) return done();
    }
    return true;
  }
  template <class Event>
  static std::vector<Event> of(const End& end) {
    std::vector<Event> out;
    for (const auto& event : end.events)
      if (const auto* match = std::get_if<Event>(&event)) out.push_back(*match);
    return out;
  }
  std::string digest() const { return to_hex(digest_); }

  Instant now{};
  FakeTrust trust;
  Link link;
  End a;
  End b;

 private:
  End& end(int index) { return index == 0 ? a : b; }
  void deliver(const Link::Delivery& d) {
    End& to = end(d.to);
    note(d);
    to.layer.handle_datagram(now, {path_of(d), to.endpoint, d.from, d.ecn, d.bytes});
  }
  [[nodiscard]] PathId path_of(const Link::Delivery& d) const {
    return came_by ? came_by(d.to, d.path) : d.path;
  }
  void note(const Link::Delivery& d) {
    const auto at = now.time_since_epoch().count();
    digest_ = crypto::sha256({digest_,
                              {reinterpret_cast<const std::uint8_t*>(&at), sizeof at},
                              {reinterpret_cast<const std::uint8_t*>(&d.to), sizeof d.to},
                              d.bytes});
  }
  void deliver_runs() {
    std::optional<Link::Delivery> first;
    Bytes joined;
    std::size_t last = 0;
    const auto flush = [&] {
      if (!first) return;
      End& to = end(first->to);
      runs += joined.size() > first->bytes.size() ? 1 : 0;
      to.layer.handle_datagram(now, {path_of(*first), to.endpoint, first->from, first->ecn, joined,
                                     first->bytes.size()});
      first.reset();
      joined.clear();
    };
    while (auto d = link.pop(now)) {
      note(*d);
      const bool fits = first && d->to == first->to && d->ecn == first->ecn &&
                        last == first->bytes.size() && d->bytes.size() <= last;
      if (!fits) flush();
      last = d->bytes.size();
      append(joined, d->bytes);
      if (!first) first = std::move(d);
    }
    flush();
  }
  bool drain_one(int index) {
    End& from = end(index);
    bool moved = false;
    while (auto t = from.layer.poll_transmit(now, buffer_)) {
      moved = true;
      if (batch_tap && !batch_tap(index, *t)) continue;
      const std::size_t segment = t->segment_size ? t->segment_size : t->size;
      for (std::size_t at = 0; at < t->size; at += segment) {
        const auto one = ByteView(buffer_).subspan(at, std::min(segment, t->size - at));
        Bytes bytes = to_bytes(one.subspan(t->headroom));
        if (from.mute || (tap && !tap(index, bytes))) continue;
        link.send(now, 1 - index, t->path, from.endpoint, t->ecn, bytes);
      }
    }
    while (auto event = from.layer.poll_event()) {
      moved = true;
      from.events.push_back(*event);
      if (on_event) on_event(from, from.events.back());
    }
    return moved;
  }

  crypto::Hash digest_{};
  Bytes buffer_ = Bytes(kTransmitBufferSize);
};

}  // namespace weft::harness
