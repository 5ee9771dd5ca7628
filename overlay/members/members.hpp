// People and what they may do in one network: names, rights, groups, removal, and this node's own
// way out. Each change is an entry of the roster, which Sync signs.
//
// Leaving: an admin signs its own removal and waits until another has heard of it; any other node
// asks one admin after the other (Leave), because two that sign at once make a fork for nothing.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "overlay/part.hpp"
#include "overlay/service/members_view.hpp"
#include "overlay/sync/sync.hpp"
#include "overlay/view.hpp"

namespace weft::overlay {

inline constexpr Duration kAskAnother = 3s;  // after an admin that was told and has not signed
inline constexpr Duration kAskPause = 1s;

// Rights as people write them. Usage: none of expose, relay, admin.
[[nodiscard]] Result<roster::MayFlags> may_flags(const std::vector<std::string>& may);
[[nodiscard]] std::vector<std::string> may_words(roster::MayFlags flags);

class Members final : public Part {
 public:
  // All outlive it. `born`: when this process began.
  Members(const Beside& beside, const Sync& sync, const service::MembersView& names, Instant born)
      : Part(beside), sync_(sync), names_(names), born_(born) {}

  [[nodiscard]] Interests interests() const override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  void settle();  // after others had their say: perhaps the network knows of a leave by now

  void remove(CommandId id, const std::string& who);
  // `rights` of expose, relay, admin; given or taken. What holds already is no error.
  void change_rights(CommandId id, const std::string& who, const std::vector<std::string>& rights,
                     bool give);
  void rename(CommandId id, const std::string& who, const std::string& name);
  void group_change(CommandId id, const std::string& group, const std::string& node, bool add);
  // Done when the network knows, or when nobody who could sign was reached within that time.
  // Alone in it, with others left, there is nobody to tell: `only` is false then.
  void leave(Instant now, CommandId id, Duration within, bool only);

  [[nodiscard]] bool gone() const { return gone_; }  // leave() is done

  [[nodiscard]] Result<NodeId> find(const std::string& who) const { return names_.find(who); }
  [[nodiscard]] std::string name() const;                 // of this node; empty: no member
  [[nodiscard]] std::string role() const;                 // "admin", "member", "none"
  [[nodiscard]] bool signs() const;                       // one of our keys may change the roster
  [[nodiscard]] std::vector<std::string> admins() const;  // but us
  [[nodiscard]] std::vector<MemberView> view() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> groups() const;

 private:
  // This node is on its way out.
  struct Leaving {
    CommandId command = 0;
    Instant deadline;
    Instant next_ask;
    std::set<NodeId> asked;    // admins
    bool signed_here = false;  // an admin signs for itself; then others must have heard of it
  };
  // Signs it; the command is done with that.
  void sign(CommandId id, roster::Body body, Outcome outcome);
  void change(CommandId id, roster::NodeBody body);
  [[nodiscard]] bool administers(const roster::Member& member) const;
  [[nodiscard]] Result<void> may_leave() const;
  void ask_to_leave(Instant now);
  void left(bool told);

  const Sync& sync_;
  const service::MembersView& names_;
  Instant born_;
  std::set<SessionId> open_;  // links of members
  std::optional<Leaving> leaving_;
  bool gone_ = false;
};

}  // namespace weft::overlay
