// Whether the kernel may cut trains of datagrams (UDP_SEGMENT), judged by what becomes of them
// (decision 39): some drivers and virtual machines mangle trains, and a node that does not notice
// is slower than one that never used them.
//
//   On --trains die while singles live--> Trial --cut by ourselves they arrive--> Off
//                                           \--they die all the same: congestion--> On, trusted
//   Off --kAgain--> On                                             (not suspected for kTrust)
//
// Loss alone never ends in Off: what is lost at random, or in a queue that is too short, is lost in
// the trial too. A trial costs some system calls, nothing else.
//
// One guard judges one interface, named by the address of ours that is on it. Evidence comes from
// the acknowledgements of peers; one that lies can slow this interface for an hour, no more.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace weft::path {

// By the user: judged here, or as he says.
enum class GsoSetting : std::uint8_t { Auto, On, Off };

class GsoGuard {
 public:
  enum class State : std::uint8_t { On, Trial, Off };

  static constexpr Duration kAgain = 1h;
  static constexpr Duration kTrust = 10min;
  // Suspicion and verdict need as much as this.
  static constexpr std::uint64_t kTrains = 6;
  static constexpr std::uint64_t kPackets = 24;  // in those
  static constexpr std::uint64_t kSingles = 4;   // that arrived

  // The fate of one train of `sent` datagrams, two or more; `by_kernel` as may_cut() said then.
  void note_train(Instant now, bool by_kernel, std::size_t sent, std::size_t lost);
  void note_single(Instant now, bool lost);
  // Off that has lasted long enough becomes On.
  void look(Instant now);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool may_cut() const { return state_ == State::On; }
  [[nodiscard]] Instant until() const { return until_; }  // of Off: when it is tried again

 private:
  struct Tally {
    std::uint64_t count = 0, sent = 0, lost = 0;
    void add(std::uint64_t packets, std::uint64_t of_them_lost);
    [[nodiscard]] bool enough() const { return count >= kTrains && sent >= kPackets; }
  };

  void suspect(Instant now);
  void judge(Instant now);

  State state_ = State::On;
  Tally whole_, cut_, singles_;  // trains of the kernel, trains of ours, lone datagrams
  Instant until_{};
  Instant trusted_until_{};
};

std::string_view name_of(GsoGuard::State state);
std::string_view name_of(GsoSetting setting);                       // "auto", "on", "off"
[[nodiscard]] GsoSetting gso_setting_named(std::string_view name);  // Auto for what is none

// The guards of all interfaces. Limits: kMost; beyond that, interfaces whose guards are On and say
// nothing are forgotten, and without one all is as in On.
class GsoGuards {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostChanges = 16;  // waiting to be told; the oldest goes

  struct Interface {
    Endpoint local;  // port 0
    GsoGuard::State state;
    Instant until;
  };

  void set(GsoSetting setting) { setting_ = setting; }
  [[nodiscard]] GsoSetting setting() const { return setting_; }

  void note(Instant now, const Endpoint& local, bool by_kernel, std::size_t sent, std::size_t lost);
  [[nodiscard]] bool may_cut(Instant now, const Endpoint& local);

  [[nodiscard]] std::vector<Interface> off() const;  // where it is Off
  // From On or Trial to Off and back, each told once.
  [[nodiscard]] std::optional<Interface> poll_change();

 private:
  void tell(const Endpoint& local, const GsoGuard& guard, GsoGuard::State before);

  GsoSetting setting_ = GsoSetting::Auto;
  std::map<Endpoint, GsoGuard> guards_;
  std::vector<Interface> changes_;
};

}  // namespace weft::path
