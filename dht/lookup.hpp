// One iterative lookup, as a pure iterator: seeds in, "ask this one" out, replies and failures in,
// until the closest nodes have been heard. No time, no IO: the owner tells what was slow.
//
//   New --next()--> Asked --on_reply()--> Replied
//                     |  \--on_slow()---> Slow --on_reply()--> Replied
//                     \-----on_failure()-----\--on_failure()-> Failed
//
// Invariants
// 1. It ends: every candidate is asked once, there are at most `candidates` of them, and at most
//    `queries` are asked.
// 2. In flight: alpha and one more for every slow one, never more than max_in_flight.
// 3. With d > 1 paths a node belongs to the path that first heard of it, and paths share nothing
//    but a pool of spares; one address prefix answers at most once per path.
// 4. A slow node never blocks: the walk ends without it.
//
// A path ends when the `converge` closest of its candidates have replied, slow and failed ones and
// at most `stragglers` still under way aside. Those whose word is doubted do not count, and whom
// they alone told of is asked last, when the path would else end without enough that are believed.
// A target that was told of is asked at once, and while it may answer nobody else is. The lookup
// ends when all paths have; an exhaustive one asks every candidate of the region around the target
// too, those that surely belong to it as soon as they are known, and ends when all have replied or
// failed.
#pragma once

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "dht/contact.hpp"

namespace weft::dht {

constexpr Distance farthest() {
  Distance all;
  all.bytes.fill(0xff);
  return all;
}

struct LookupLimits {
  std::size_t k = 20;
  std::size_t alpha = 4;
  std::size_t max_in_flight = 24;
  std::size_t converge = 3;
  std::size_t stragglers = 0;  // closer ones under way a path may end without
  // The converge-th of them must be this near, or k have replied: liars who name each other are
  // farther apart than nodes should lie here. All ones: any distance will do.
  Distance dense = farthest();
  // And so many, asked or not, must be known within this distance, or k have replied.
  std::size_t crowd = 0;
  std::size_t crowd_doubting = 0;  // once somebody's word was doubted in this walk
  Distance crowded{};
  std::size_t paths = 1;  // at most kMaxPaths
  std::size_t candidates = 192;
  std::size_t queries = 160;
  bool exhaustive = false;
  // Exhaustive: everything this near belongs to the region, beyond the k closest.
  Distance region{};
  std::size_t region_max = 64;
  // Exhaustive: once so many nearest were asked the k closest known are taken for the region. 0:
  // not before the walk has ended.
  std::size_t head = 0;
};

class Lookup {
 public:
  static constexpr std::size_t kMaxPaths = 8;
  static constexpr std::uint8_t kSpare = 0xff;
  enum class State : std::uint8_t { New, Asked, Slow, Replied, Failed };

  struct Candidate {
    Distance distance;
    ContactHandle handle = ContactHandle::None;
    std::uint16_t prefix = 0;  // short_prefix; 0: exempt
    State state = State::New;
    std::uint8_t path = kSpare;
    std::uint8_t hop = 0;   // replies between us and it
    bool renewed = false;   // its address was replaced once
    bool favoured = false;  // asked first, until somebody has replied
    bool doubted = false;   // it replied, and what it named cannot be all it knows
    std::uint8_t told = 0;  // contacts it named
    bool hearsay = false;   // only doubted ones told of it
  };

  Lookup(const NodeId& target, const LookupLimits& limits);

  void add_seed(ContactHandle handle, const NodeId& node, std::uint16_t prefix);
  // Of those one starts from, this one is worth asking first: it answers fast.
  void favour(ContactHandle handle);
  // It would end here if more were known around the target: who has told least of it is worth a
  // second question first.
  [[nodiscard]] bool thin() const;
  // The nearest that are believed, and how many contacts each has named.
  [[nodiscard]] std::vector<std::pair<ContactHandle, std::size_t>> believed(
      std::size_t count) const;
  // The next one to ask; None: nobody now.
  ContactHandle next();
  // What `teller` is about to tell is not believed: before its add()s.
  void doubt(ContactHandle teller);
  // `teller` told of `handle`. Call for each, then on_reply(teller). `hearsay`: to be asked last.
  void add(ContactHandle teller, ContactHandle handle, const NodeId& node, std::uint16_t prefix,
           bool hearsay = false);
  void on_reply(ContactHandle handle);
  void on_slow(ContactHandle handle);
  void on_failure(ContactHandle handle);

  [[nodiscard]] bool done() const;
  // The nearest have replied: what is left is the region's rim.
  [[nodiscard]] bool arrived() const { return all_satisfied(); }
  // Nothing left to ask and only slow ones still out.
  [[nodiscard]] bool settled() const { return asked_ == 0 && !anything_to_ask(); }
  // The target itself has replied.
  [[nodiscard]] bool exact() const;
  // Closest first: those that replied, and with `all` those that did not yet too, failed ones
  // aside: one lost packet must not hide the node a caller came for.
  [[nodiscard]] std::vector<ContactHandle> closest(std::size_t count, bool all) const;
  // How many belong to the region by now: the k closest usable, or everything inside the radius.
  [[nodiscard]] std::size_t region_size() const;
  [[nodiscard]] bool in_region(ContactHandle handle) const;
  // Candidates nearer than this one that have not failed.
  [[nodiscard]] std::size_t rank(ContactHandle handle) const;
  [[nodiscard]] std::size_t path_of(ContactHandle handle) const;
  [[nodiscard]] std::size_t hop_of(ContactHandle handle) const;
  [[nodiscard]] std::size_t in_flight() const { return asked_ + slow_; }
  [[nodiscard]] std::size_t replies() const { return replied_; }
  [[nodiscard]] std::size_t failures() const { return failed_; }
  [[nodiscard]] std::size_t doubted() const { return doubted_; }
  [[nodiscard]] std::size_t queries() const { return queries_; }
  [[nodiscard]] const NodeId& target() const { return target_; }
  [[nodiscard]] const LookupLimits& limits() const { return limits_; }
  [[nodiscard]] const std::vector<Candidate>& candidates() const { return candidates_; }
  void check_invariants() const;

 private:
  using Iterator = std::vector<Candidate>::iterator;
  Candidate* find(ContactHandle handle);
  [[nodiscard]] const Candidate* find(ContactHandle handle) const;
  void insert(ContactHandle handle, const NodeId& node, std::uint16_t prefix, std::uint8_t path,
              std::uint8_t hop, bool hearsay);
  [[nodiscard]] bool satisfied(std::size_t path) const { return converged(path, true); }
  [[nodiscard]] bool converged(std::size_t path, bool among_many) const;
  [[nodiscard]] bool crowded() const;
  [[nodiscard]] bool prefix_used(const Candidate& candidate, std::size_t path) const;
  [[nodiscard]] bool may_ask(std::size_t path) const;
  Candidate* pick(std::size_t path);
  Candidate* found();  // the target itself, once it was told
  Candidate* pick_region(bool surely);
  [[nodiscard]] bool headed() const;
  [[nodiscard]] bool all_satisfied() const;
  [[nodiscard]] bool anything_to_ask() const;
  ContactHandle ask(Candidate& candidate, std::size_t path);

  NodeId target_;
  LookupLimits limits_;
  std::vector<Candidate> candidates_;                  // by distance
  std::array<std::uint16_t, kMaxPaths> path_asked_{};  // in flight, not slow
  std::size_t asked_ = 0;
  std::size_t slow_ = 0;
  std::size_t replied_ = 0;
  std::size_t failed_ = 0;
  std::size_t doubted_ = 0;
  std::size_t queries_ = 0;
  std::size_t turn_ = 0;
};

}  // namespace weft::dht
