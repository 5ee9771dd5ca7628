// The roster among members: who has heard of which head, entries asked for and given, entries of
// ours that lost and are signed again, rosters fetched from members that we do not know yet.
//
// Invariants
//  1. Nobody hears of an entry that a crash could still undo: heads and entries are told once the
//     disk has all of the roster.
//  2. An entry of a node that is no member (yet) counts only if an admin of ours signed it.
//  3. kMaxPulls rosters are fetched at once, kPullPause apart, each for kPullTimeout at most.
//  4. Sessions of who was removed end kJudgeDelay after, so that it can read why.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "overlay/control_message.hpp"
#include "overlay/part.hpp"

namespace weft::overlay {

inline constexpr std::size_t kEntriesPerAnswer = 240;
inline constexpr Duration kJudgeDelay = 200ms;
inline constexpr std::size_t kMaxPulls = 4;
inline constexpr Duration kPullPause = 500ms;
inline constexpr Duration kPullTimeout = 10s;

class Sync final : public Part {
 public:
  // Both outlive it; `roster` is the one in `beside`.
  Sync(const Beside& beside, roster::Roster& roster) : Part(beside), roster_(roster) {}

  [[nodiscard]] Interests interests() const override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  // Once, at the start.
  void begin(Instant now);
  // Signs this with whichever of our keys may, appends it, and tells others once it is stored. Its
  // continuation runs with how storing went; the entry has its effect even if the disk refused.
  void sign(Instant now, Sign sign);
  // The disk has the whole roster: it takes effect, peers hear of it, who asked gets it.
  void stored(Instant now);

  [[nodiscard]] const roster::Head& announced() const { return announced_; }
  [[nodiscard]] bool unstored() const;
  // Some member has said that it is at our head.
  [[nodiscard]] bool head_is_known() const { return heard_ == roster_.head().hash; }
  // Sentences for the operator about who is in the network, and who may say so.
  [[nodiscard]] std::vector<std::string> attention(Instant now) const;

 private:
  // A member of a longer roster than ours knocked and was refused, because we have not heard of it.
  // We ask it for the roster in a join-mode session that we dial: its entries prove themselves.
  struct Pull {
    Certificate certificate;
    Endpoint remote;
    Instant deadline;
  };
  // What happened to the roster and an admin should know, for a day.
  struct Alarm {
    Instant at;
    std::string text;
  };

  void on(Instant now, const session::SessionUp& up);
  void on(Instant now, const LinkOpen& open);
  void on(Instant now, const LinkRoom& room);
  void on(Instant now, const session::SessionDown& down);
  void on(Instant now, const session::MemberUnknown& unknown);
  void on(Instant, const session::RemoteMoved&) {}
  void on(Instant, const session::SilenceChanged&) {}
  void on(Instant, const session::ClockDiffers&) {}

  void said_have(const session::SessionUp& from, const RosterHave& m);
  void said_get(const session::SessionUp& from, const RosterGet& m);
  void said_entries(Instant now, const session::SessionUp& from, const RosterEntries& m);
  void took(Instant now, SessionId session, const roster::Appended& appended, bool more, bool last,
            bool is_stored);
  void finish_pull(Instant now, SessionId session);

  [[nodiscard]] Result<roster::Entry> propose(Instant now, const roster::Body& body) const;
  void changed(Instant now, const roster::Appended& appended);
  void apply(Instant now, std::vector<NodeId> who, std::size_t lost);
  void announce();
  void repair(Instant now);
  void tell_entry(Bytes entry);
  void send_entries(SessionId session, std::span<const Bytes> entries, bool more);
  void say(SessionId session, const ControlMessage& message, Subject subject = {});

  void alarm(Instant now, std::string text);
  void tell_lost(Instant now, const std::vector<roster::Entry>& lost);
  [[nodiscard]] std::string stop_text() const;

  roster::Roster& roster_;
  roster::Head announced_;                // on the disk, and told to peers
  std::vector<Bytes> told_beside_;        // removals beside the chain, as peers were told
  crypto::Hash heard_{};                  // the head of whom of the members spoke last
  std::set<SessionId> open_;              // links of members
  std::map<SessionId, RosterGet> asked_;  // answered once the disk has the roster and there is room
  std::map<SessionId, Pull> pulls_;
  Instant next_pull_{};
  std::optional<Instant> judge_at_;
  std::deque<Alarm> alarms_;
  bool stop_told_ = false;
  std::string known_as_;  // our name, as it was last
};

}  // namespace weft::overlay
