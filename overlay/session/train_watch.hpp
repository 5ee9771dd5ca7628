// Which packets of a session left in one train, and what became of each train: what GsoGuard is fed
// with. PathWatch knows which packets were acknowledged.
//
// A sample, not an account: of trains and of single packets on their way the first kMost of each
// are followed, and what PathWatch has forgotten when it could be judged is not judged. A transfer
// fast enough for that loses no trains.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "overlay/session/path_watch.hpp"

namespace weft::session {

class TrainWatch {
 public:
  static constexpr std::size_t kMost = 32;

  struct Fate {
    bool by_kernel = false;  // the kernel was to cut it
    std::size_t sent = 0;    // packets; 1: it left alone
    std::size_t lost = 0;
  };

  void reset() { trains_.clear(), singles_.clear(); }
  // Packets first to last, in order of numbers; some numbers between may not have been used.
  void sent(Instant now, std::uint64_t first, std::uint64_t last, bool by_kernel) {
    auto& trains = first == last ? singles_ : trains_;
    if (trains.size() < kMost) trains.push_back({first, last, now, by_kernel});
  }
  // After an acknowledgement: what is known by now of the oldest ones. `watch`: of the same
  // packets.
  template <class Take>
  void judge(Instant now, const PathWatch& watch, Duration pto, Take&& take) {
    judge_in(trains_, now, watch, pto, take);
    judge_in(singles_, now, watch, pto, take);
  }

 private:
  struct Train {
    std::uint64_t first = 0, last = 0;
    Instant at{};
    bool by_kernel = false;
  };

  template <class Take>
  static void judge_in(std::vector<Train>& trains, Instant now, const PathWatch& watch,
                       Duration pto, Take&& take) {
    std::size_t done = 0;
    for (; done < trains.size(); ++done) {
      const Train& train = trains[done];
      const auto fate = watch.fate(train.first, train.last);
      if (!fate) continue;  // forgotten
      const bool whole = fate->acked == fate->sent;
      if (!whole && (!watch.heard_after(train.last) || now < train.at + pto)) break;
      if (fate->sent > 0) take(Fate{train.by_kernel, fate->sent, fate->sent - fate->acked});
    }
    trains.erase(trains.begin(), trains.begin() + static_cast<std::ptrdiff_t>(done));
  }

  std::vector<Train> trains_, singles_;  // the oldest first
};

}  // namespace weft::session
