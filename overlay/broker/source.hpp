// One publisher as this node hears it: which of its messages came, what is missing, what may be
// handed to subscribers next.
//
//   (epoch, number) of what deliver() gives only goes up, and nothing is given twice
//
// Invariants
//  1. What came before its turn is held: at most kMaxAhead messages ahead of the next and kMaxHeld
//     bytes. What does not fit is refused, and asked for again later. So a set of held batches is
//     the window of what came; it needs no bits and no clock.
//  2. A gap is waited for at most kGapPatience (kFirstPatience at the beginning of an epoch). Then it
//     is passed over, and told.
//  3. At most kMaxEpochs epochs are known. A later one is delivered when the earlier are complete,
//     as far as any neighbour said, or after that time.
//  4. Where we begin: at the first message, unless a neighbour told how far that publisher was when
//     we were new ourselves; such a beginning is a guess, and an earlier message that is pushed
//     corrects it as long as nothing was delivered.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "overlay/broker/batch.hpp"

namespace weft::broker {

using LinkId = std::uint64_t;

inline constexpr std::uint64_t kMaxAhead = 65'536;
inline constexpr std::size_t kMaxHeld = 4u << 20;
inline constexpr std::size_t kMaxEpochs = 4;
inline constexpr std::size_t kMaxClaimants = 4;
inline constexpr Duration kGapPatience = 30s;
inline constexpr Duration kFirstPatience = 5s;  // as long as nothing of that epoch was delivered
inline constexpr int kMaxAsked = 12;            // times that one gap is asked for

class Source {
 public:
  enum class Take : std::uint8_t {
    Fresh,      // new: held or to be delivered now
    Duplicate,  // came before, or lies before where we began
    Late,       // of an epoch, or before a number, that was passed over
    Full,       // too far ahead
  };
  // Whether offer() would take it: so that a signature is checked only of what is new.
  [[nodiscard]] Take look(const Batch& batch, bool pushed) const;
  // REQUIRES: verified. `pushed`: as it was published, not asked for.
  Take offer(Instant now, const BatchPtr& batch, bool pushed, LinkId from);
  // A neighbour says that it holds all of this epoch up to `high`. `fresh`: this node has just
  // begun, so what was said before does not concern it. True: something is missing here.
  bool claimed(Instant now, std::uint64_t epoch, std::uint64_t high, LinkId by, bool fresh);
  // A neighbour, one of so many, has nothing up to there. Once two say so (or the only one), and
  // nobody claims to have it, it is passed over.
  void gone(Instant now, std::uint64_t epoch, std::uint64_t upto, LinkId by, std::size_t links);
  // The rest of what was asked for may be asked for at once.
  void hurry(std::uint64_t epoch);
  // At a start: up to there it came before, as far as the disk knows.
  void resume(std::uint64_t epoch, std::uint64_t high);
  // A retained value was shown to subscribers: nothing up to it may follow.
  void shown(std::uint64_t epoch, std::uint64_t number);

  struct Out {
    BatchPtr batch;            // nullptr: only `missed`
    std::size_t begin = 0;     // the first of its messages that is new
    std::uint64_t missed = 0;  // before it
  };
  [[nodiscard]] std::optional<Out> deliver(Instant now);

  struct Ask {
    std::uint64_t epoch = 0;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    LinkId link = 0;  // 0: whoever
  };
  // What is missing and due to be asked for, `wait` after it was noticed or asked for last.
  [[nodiscard]] std::optional<Ask> ask(Instant now, Duration wait);
  [[nodiscard]] std::optional<Instant> poll_timeout(Duration wait) const;
  void link_gone(LinkId link);

  struct High {
    std::uint64_t epoch;
    std::uint64_t high;
  };
  [[nodiscard]] std::vector<High> highs() const;
  // Something that its publisher signed came of this epoch.
  [[nodiscard]] bool proven(std::uint64_t epoch) const;
  // Whether subscribers got it live, or will.
  [[nodiscard]] bool covers(std::uint64_t epoch, std::uint64_t number) const;
  // All of it came here, or was passed over: what is not at hand any more is gone.
  [[nodiscard]] bool settled(std::uint64_t epoch, std::uint64_t from, std::uint64_t to) const;
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  struct Stream {
    std::uint64_t epoch = 0;
    std::uint64_t start = 1;
    std::uint64_t next = 1;     // all before it came, or were passed over
    std::uint64_t claimed = 0;  // some neighbour holds up to there
    bool guessed = false;
    bool delivered = false;
    bool waiting = false;  // for what came before the first held, or for what was claimed
    std::map<std::uint64_t, BatchPtr> held;
    std::size_t held_bytes = 0;
    Instant since{};    // noticed, or asked for last
    Instant give_up{};  // when to pass over
    int asked = 0;
    std::uint64_t missed = 0;  // passed over, not told yet
    std::vector<LinkId> claimants;
    std::vector<LinkId> without;  // who said that it has nothing

    [[nodiscard]] bool gap() const { return !held.empty() && held.begin()->first > next; }
    [[nodiscard]] bool complete() const { return held.empty() && claimed < next; }
  };
  [[nodiscard]] const Stream* find(std::uint64_t epoch) const;
  // nullptr: no room for one of which nothing is proven.
  Stream* stream(std::uint64_t epoch, bool proven);
  static void watch(Instant now, Stream& stream);
  static void advance(Stream& stream, std::uint64_t next);
  [[nodiscard]] static std::optional<Out> take_next(Stream& stream);
  static bool pass_over(Stream& stream, std::uint64_t upto);

  std::map<std::uint64_t, Stream> streams_;  // by epoch
  std::uint64_t delivering_ = 0;             // the epoch of what was delivered last
};

}  // namespace weft::broker
