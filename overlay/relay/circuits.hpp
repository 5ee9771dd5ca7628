// The circuits that this node has through relays, as ways for its own datagrams. Each is a path of
// kind Circuit in the table (decision 28): what a session writes for it is wrapped here and leaves
// as a datagram of the path to the relay; what comes from there with its label is unwrapped and
// goes to the sessions as if it had come by that path. The IO edge never sees a circuit.
//
// Invariants
//  1. A frame counts only if its label is one that we were given and it comes by the way of the
//     session with the relay that gave it.
//  2. Nothing is allocated for a datagram.
//  3. A circuit ends with the session that it was made in; its path is closed then.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/fields.hpp"
#include "overlay/path/path_table.hpp"
#include "overlay/relay/messages.hpp"
#include "overlay/relay/way.hpp"

namespace weft::relay {

inline constexpr std::size_t kMaxOwnCircuits = 1024;
// Something was sent by a circuit, and nothing has come by it for so long: it may be dead.
inline constexpr Duration kSuspect = 1s;

struct CircuitCounters {
  std::uint64_t wrapped = 0;
  std::uint64_t unwrapped = 0;
  std::uint64_t unknown_label = 0;
  std::uint64_t wrong_way = 0;
  std::uint64_t closed = 0;

  static constexpr auto fields() {
    using C = CircuitCounters;
    return std::tuple{
        field("wrapped", "datagrams", "sent through relays", &C::wrapped),
        field("unwrapped", "datagrams", "that came through relays", &C::unwrapped),
        field("unknown_label", "datagrams", "with a label that no relay gave us",
              &C::unknown_label),
        field("wrong_way", "datagrams", "that did not come from the relay of their label",
              &C::wrong_way),
        field("closed", "batches", "for a circuit that is no more, dropped", &C::closed)};
  }
};
static_assert(lists_all_fields<CircuitCounters>());

struct Circuit {
  PathId path{};
  Session session = 0;  // with the relay
  CircuitId id = 0;     // the relay's name for it
  Label label = 0;
  NodeId relay{};
  NodeId peer{};       // at the far end, as the relay says; the session inside proves it
  bool asked = false;  // by us
};

// What stands for the far end beside the path: an address of the discard prefix (RFC 6666) with the
// path's number, port 0, so that it is never dialled, told or kept.
[[nodiscard]] Endpoint stand_in(PathId path);

class Circuits {
 public:
  explicit Circuits(path::PathTable& paths) : paths_(paths) {}  // which outlives it

  void set_way(Session session, const Way& way);  // to a relay: known before open()
  // Errc::Limit, Errc::NotFound (no way to that relay), Errc::Conflict (it has given this label
  // before). `made.path` is set here.
  [[nodiscard]] Result<PathId> open(Circuit made);
  void close(PathId path);
  // Its circuits end: their paths.
  std::vector<PathId> leave(Session session);

  [[nodiscard]] const Circuit* find(PathId path) const;
  [[nodiscard]] const Circuit* find(Session session, CircuitId id) const;
  [[nodiscard]] std::vector<PathId> with(const NodeId& peer) const;
  [[nodiscard]] std::vector<PathId> through(const Way& way) const;
  [[nodiscard]] std::size_t size() const { return circuits_.size(); }

  // A batch of a circuit's, its headroom free: then one for the relay. False: it is no more.
  bool wrap(Instant now, Transmit& transmit, MutableByteView bytes);
  // Hands on what lies in each frame. False: the first is none of ours.
  template <class Take>
  bool unwrap(Instant now, const Datagram& run, Take&& take);

  // Those that sent and heard nothing for kSuspect.
  [[nodiscard]] std::optional<PathId> poll_suspect();
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return look_at_; }

  [[nodiscard]] const CircuitCounters& counters() const { return counters_; }
  void check_invariants() const;

 private:
  struct Entry {
    Circuit circuit;
    std::optional<Instant> ask;  // something was sent since it was heard: doubted then
  };
  struct Same {
    std::size_t operator()(Label label) const noexcept { return static_cast<std::size_t>(label); }
  };
  [[nodiscard]] Entry* entry_of(const Datagram& frame);

  path::PathTable& paths_;
  std::map<Session, Way> ways_;
  std::map<PathId, Entry> circuits_;
  std::unordered_multimap<Label, PathId, Same> labels_;  // two relays may give the same one
  std::deque<PathId> suspects_;
  std::optional<Instant> look_at_;
  CircuitCounters counters_;
};

template <class Take>
bool Circuits::unwrap(Instant now, const Datagram& run, Take&& take) {
  const auto first = read_header(run.payload);
  if (!first || !labels_.contains(*first)) return false;
  for_each_datagram(run, [&](const Datagram& frame) {
    Entry* entry = entry_of(frame);
    if (entry == nullptr) return;
    entry->ask.reset();
    ++counters_.unwrapped;
    Datagram inner = frame;
    inner.path = entry->circuit.path;
    inner.from = stand_in(inner.path);
    inner.local = {};
    inner.payload = frame.payload.subspan(kHeader);
    take(now, inner);
  });
  return true;
}

}  // namespace weft::relay
