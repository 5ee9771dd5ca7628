// Rights, names, tickets that are taken back, and the ways out of a network.
#include <gtest/gtest.h>

#include "overlay/roster/ticket.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

MemberView member(const Node& seen_by, const std::string& name) {
  for (auto& view : seen_by.overlay->members())
    if (view.name == name) return view;
  return {};
}

struct Trio {  // oak founds, laptop and phone are plain members
  Trio() {
    world.bring_in(oak, laptop);
    world.bring_in(oak, phone);
  }
  World world;
  Node& oak = world.add("oak");
  Node& laptop = world.add("laptop");
  Node& phone = world.add("phone");
};

TEST(Rights, AreGivenTakenAndSeenByAll) {
  Trio t;
  EXPECT_TRUE(member(t.oak, "oak").admin);
  EXPECT_FALSE(member(t.phone, "laptop").admin);
  EXPECT_EQ(t.world.invite(t.laptop, "tv").error().code, Errc::Denied);
  const auto given = t.world.finish(
      t.oak, t.oak.overlay->change_rights(t.world.now, "laptop", {"admin", "relay"}, true));
  ASSERT_TRUE(given) << given.error().detail;
  EXPECT_EQ(std::get<MemberOutcome>(*given).id, t.laptop.identity.id);
  ASSERT_TRUE(t.world.run_until([&] { return member(t.phone, "laptop").admin; }));
  ASSERT_TRUE(t.world.run_until([&] { return member(t.laptop, "laptop").admin; }));
  EXPECT_EQ(member(t.phone, "laptop").may, (std::vector<std::string>{"expose", "relay", "admin"}));
  EXPECT_TRUE(t.world.invite(t.laptop, "tv"));
  ASSERT_TRUE(
      t.world.finish(t.oak, t.oak.overlay->change_rights(t.world.now, "laptop", {"admin"}, false)));
  ASSERT_TRUE(t.world.run_until([&] { return !member(t.laptop, "laptop").admin; }));
  EXPECT_EQ(t.world.invite(t.laptop, "tv2").error().code, Errc::Denied);
  EXPECT_EQ(member(t.laptop, "laptop").may, (std::vector<std::string>{"expose", "relay"}));
}

TEST(Rights, WhatHoldsAlreadyIsNoErrorAndNoEntry) {
  Trio t;
  const auto sequence = [&] { return t.oak.of<RosterChanged>().back().sequence; };
  const auto before = sequence();
  EXPECT_TRUE(
      t.world.finish(t.oak, t.oak.overlay->change_rights(t.world.now, "laptop", {"expose"}, true)));
  EXPECT_TRUE(
      t.world.finish(t.oak, t.oak.overlay->change_rights(t.world.now, "laptop", {"admin"}, false)));
  EXPECT_TRUE(t.world.finish(t.oak, t.oak.overlay->rename_node(t.world.now, "laptop", "laptop")));
  EXPECT_EQ(sequence(), before);
}

TEST(Rights, AreNotForMembersToGiveNorForTheFounderToLose) {
  Trio t;
  const auto code = [&](Node& node, CommandId id) { return t.world.finish(node, id).error().code; };
  EXPECT_EQ(code(t.laptop, t.laptop.overlay->change_rights(t.world.now, "laptop", {"admin"}, true)),
            Errc::Denied);
  EXPECT_EQ(code(t.laptop, t.laptop.overlay->rename_node(t.world.now, "phone", "tv")),
            Errc::Denied);
  EXPECT_EQ(code(t.oak, t.oak.overlay->change_rights(t.world.now, "oak", {"admin"}, false)),
            Errc::Denied);
  EXPECT_EQ(code(t.oak, t.oak.overlay->change_rights(t.world.now, "laptop", {"fly"}, true)),
            Errc::Usage);
  EXPECT_EQ(code(t.oak, t.oak.overlay->change_rights(t.world.now, "tv", {"admin"}, true)),
            Errc::NotFound);
  EXPECT_FALSE(member(t.oak, "laptop").admin);
}

TEST(Names, ANodeIsRenamedAndItsRulesStay) {
  Trio t;
  ASSERT_TRUE(t.world.expose(t.oak, "blog", {"laptop"}));
  ASSERT_TRUE(t.world.finish(t.oak, t.oak.overlay->rename_node(t.world.now, "laptop", "desk")));
  ASSERT_TRUE(t.world.run_until([&] { return t.world.same_head(t.oak, t.laptop); }));
  EXPECT_EQ(t.laptop.overlay->name(), "desk");
  EXPECT_EQ(t.oak.overlay->access("blog").allow, std::vector<std::string>{"desk"});
  EXPECT_EQ(
      t.world.finish(t.oak, t.oak.overlay->rename_node(t.world.now, "desk", "phone")).error().code,
      Errc::AlreadyExists);
  EXPECT_EQ(t.world.finish(t.oak, t.oak.overlay->rename_node(t.world.now, "desk", "No Name"))
                .error()
                .code,
            Errc::Usage);
}

TEST(Names, TheBeginningOfAnIdIsEnoughAndNoNameTakesItsPlace) {
  Trio t;
  const auto id = to_text(t.phone.identity.id);
  const auto printed = id.substr(0, 10);
  EXPECT_EQ(t.oak.overlay->find_node(id).value(), t.phone.identity.id);
  EXPECT_EQ(t.oak.overlay->find_node(printed).value(), t.phone.identity.id);
  EXPECT_FALSE(t.oak.overlay->find_node(id.substr(0, 6)));
  EXPECT_FALSE(t.oak.overlay->find_node("wf1"));
  ASSERT_TRUE(t.world.expose(t.oak, "blog"));
  ASSERT_TRUE(t.world.finish(t.oak, t.oak.overlay->set_access(t.world.now, "blog", printed, true)));
  EXPECT_EQ(t.oak.overlay->access("blog").allow, std::vector<std::string>{"phone"});
  ASSERT_TRUE(t.world.finish(t.oak, t.oak.overlay->rename_node(t.world.now, "laptop", printed)));
  EXPECT_EQ(t.oak.overlay->find_node(printed).value(), t.phone.identity.id);
}

TEST(Names, StatesAndListsAreDatedAndSorted) {
  Trio t;
  const auto joined = member(t.oak, "laptop").joined;
  t.world.run(60s);
  t.world.crash(t.laptop);
  ASSERT_TRUE(t.world.run_until([&] { return member(t.oak, "laptop").state == "away"; }, 120s));
  const auto gone = member(t.oak, "laptop");
  EXPECT_EQ(gone.joined, joined);
  EXPECT_GE(gone.since, joined + 60);
  t.world.crash(t.oak);
  t.world.start(t.oak);
  EXPECT_EQ(member(t.oak, "laptop").since, 0);  // not met since
  for (const auto* node : {"phone", "laptop", "oak"})
    ASSERT_TRUE(t.world.finish(t.oak, t.oak.overlay->group_change(t.world.now, "all", node, true)));
  EXPECT_EQ(t.oak.overlay->groups()[0].second,
            (std::vector<std::string>{"laptop", "oak", "phone"}));
  const auto peers = t.oak.overlay->peers();
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0].name, "laptop");
}

TEST(Removing, TakesTheRulesAlongAndNothingOfThemIsLeftToSee) {
  Trio t;
  ASSERT_TRUE(t.world.expose(t.laptop, "web", {"phone"}));
  ASSERT_TRUE(t.world.expose(t.oak, "blog", {"phone", "laptop"}));
  ASSERT_TRUE(
      t.world.finish(t.oak, t.oak.overlay->set_access(t.world.now, "blog", "phone", false)));
  const auto removed = t.world.finish(t.oak, t.oak.overlay->remove_node(t.world.now, "phone"));
  ASSERT_TRUE(removed);
  EXPECT_EQ(std::get<MemberOutcome>(*removed).name, "phone");
  ASSERT_TRUE(t.world.run_until([&] { return t.world.same_head(t.oak, t.laptop); }));
  t.world.run(1s);
  EXPECT_TRUE(t.laptop.overlay->access("web").allow.empty());  // by name or by id
  EXPECT_EQ(t.oak.overlay->access("blog").allow, std::vector<std::string>{"laptop"});
  EXPECT_TRUE(t.oak.overlay->access("blog").deny.empty());
  t.world.crash(t.laptop);
  t.world.start(t.laptop);
  EXPECT_TRUE(t.laptop.overlay->access("web").allow.empty());
  for (const auto& [key, value] : t.laptop.disk) EXPECT_NE(std::get<0>(key), Table::Access);
}

LeaveOutcome leave(Trio& t, Node& node) {
  const auto answer = t.world.finish(node, node.overlay->leave(t.world.now));
  EXPECT_TRUE(answer) << answer.error().detail;
  return answer ? std::get<LeaveOutcome>(*answer) : LeaveOutcome{};
}

TEST(Leaving, AnAdminSignsForAMemberThatGoes) {
  Trio t;
  const auto started = t.world.now;
  const auto outcome = leave(t, t.laptop);
  EXPECT_TRUE(outcome.told);
  EXPECT_EQ(outcome.network, t.oak.overlay->network_name());
  EXPECT_LE(t.world.now - started, 2s);
  EXPECT_EQ(t.laptop.overlay->role(), "none");
  EXPECT_EQ(member(t.oak, "laptop").name, "");
  ASSERT_TRUE(t.world.run_until([&] { return t.world.same_head(t.oak, t.phone); }));
  EXPECT_EQ(member(t.phone, "laptop").name, "");
  EXPECT_TRUE(t.oak.noticed("laptop leaves the network"));
}

TEST(Leaving, WithoutAnAdminNobodyIsToldAndThatIsSaid) {
  Trio t;
  t.world.crash(t.oak);
  const auto started = t.world.now;
  const auto outcome = leave(t, t.laptop);
  EXPECT_FALSE(outcome.told);
  EXPECT_EQ(outcome.admins, std::vector<std::string>{"oak"});
  EXPECT_LE(t.world.now - started, 11s);
}

TEST(Leaving, AnAdminThatDoesNotSignIsFollowedByAnother) {
  Trio t;
  ASSERT_TRUE(
      t.world.finish(t.oak, t.oak.overlay->change_rights(t.world.now, "phone", {"admin"}, true)));
  ASSERT_TRUE(t.world.run_until([&] { return member(t.laptop, "phone").admin; }));
  ASSERT_TRUE(t.world.run_until([&] { return t.world.linked(t.phone, t.laptop); }));
  t.oak.disk_delay = 100s;  // it cannot sign: nothing of it would be stored
  EXPECT_TRUE(leave(t, t.laptop).told);
}

TEST(Leaving, AnAdminSignsForItselfAndLeavesNoKeyBehind) {
  Trio t;
  ASSERT_EQ(t.world.finish(t.oak, t.oak.overlay->leave(t.world.now)).error().code, Errc::Conflict);
  ASSERT_TRUE(
      t.world.finish(t.oak, t.oak.overlay->change_rights(t.world.now, "phone", {"admin"}, true)));
  ASSERT_TRUE(t.world.run_until([&] { return member(t.phone, "phone").admin; }));
  EXPECT_TRUE(leave(t, t.oak).told);
  ASSERT_TRUE(t.world.run_until([&] { return member(t.phone, "oak").name.empty(); }));
  ASSERT_TRUE(t.world.run_until([&] { return t.world.same_head(t.phone, t.laptop); }));
  EXPECT_TRUE(t.phone.overlay->export_roster()->contains(",\"may\":0}"));  // the founder
  EXPECT_EQ(t.oak.overlay->role(), "none");
  EXPECT_EQ(t.world.invite(t.oak, "tv").error().code, Errc::Denied);
  EXPECT_TRUE(t.world.invite(t.phone, "tv"));
}

TEST(Leaving, WhoIsAloneOrOutAlreadyIsAnsweredAtOnce) {
  World world;
  Node& a = world.add("a");
  EXPECT_EQ(world.finish(a, a.overlay->leave(world.now)).error().code, Errc::Conflict);
  Node& b = world.add("b");
  world.bring_in(a, b);
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  ASSERT_TRUE(world.run_until([&] { return b.overlay->role() == "none"; }));
  const auto outcome = world.finish(b, b.overlay->leave(world.now));
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(std::get<LeaveOutcome>(*outcome).told);
}

TEST(Clocks, AMembersWrongOneIsNamedAtBothEndsUntilItIsSetRight) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  const auto meet_anew = [&](UnixTime clock) {
    world.cut(a, b);
    ASSERT_TRUE(world.run_until([&] { return !world.linked(a, b); }, 300s));
    b.overlay->set_wall_clock({world.now, clock});
    world.cut(a, b, false);
    ASSERT_TRUE(world.run_until([&] { return world.linked(a, b); }, 300s));
  };
  const auto right = [&] {
    return kEpoch +
           std::chrono::duration_cast<std::chrono::seconds>(world.now.time_since_epoch()).count();
  };
  EXPECT_TRUE(a.overlay->clocks_off().empty());
  meet_anew(right() + 2 * 3600 + 600);
  ASSERT_EQ(a.overlay->clocks_off().size(), 1u);
  EXPECT_EQ(a.overlay->clocks_off()[0].first, "b");
  EXPECT_EQ(a.overlay->clocks_off()[0].second, "2 h ahead");
  ASSERT_EQ(b.overlay->clocks_off().size(), 1u);
  EXPECT_EQ(b.overlay->clocks_off()[0].second, "2 h behind");
  EXPECT_TRUE(a.noticed("b's clock is 2 h ahead of this machine's"));
  meet_anew(right());
  EXPECT_TRUE(a.overlay->clocks_off().empty());
  EXPECT_TRUE(b.overlay->clocks_off().empty());
}

TEST(Clocks, AJoinThatFailsByOneSaysSoAtBothEnds) {
  for (const UnixTime off : {UnixTime{3700}, UnixTime{-3700}}) {
    World world;
    Node& a = world.add("a");
    Node& b = world.add("b");
    const auto ticket = world.invite(a, "b", {"expose"}, {}, 24h);
    b.overlay->set_wall_clock({world.now, kEpoch + off});
    const auto joined = world.join(b, ticket->ticket);
    ASSERT_FALSE(joined) << off;
    const auto said = std::string("clock is 61 min ") + (off > 0 ? "ahead" : "behind");
    EXPECT_TRUE(joined.error().detail.contains(said)) << joined.error().detail;
    EXPECT_EQ(b.of<CommandDone>().back().refusal, Refusal::Clock);
    EXPECT_EQ(a.noticed("wants to join: its clock is 61 min ahead"), off > 0);
  }
}

TEST(Tickets, AreListedAndTakenBack) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "tv", {"expose", "admin"}, {"blog"});
  ASSERT_TRUE(ticket);
  const auto open = a.overlay->invites(world.now);
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].name, "tv");
  EXPECT_EQ(open[0].expires, ticket->expires);
  EXPECT_EQ(open[0].may, (std::vector<std::string>{"expose", "admin"}));
  EXPECT_EQ(open[0].allow, std::vector<std::string>{"blog"});
  const auto cancelled = world.finish(a, a.overlay->cancel_invite(world.now, open[0].id));
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(std::get<InviteOutcome>(*cancelled).name, "tv");
  EXPECT_TRUE(a.overlay->invites(world.now).empty());
  EXPECT_EQ(world.finish(a, a.overlay->cancel_invite(world.now, "tv")).error().code,
            Errc::NotFound);
  world.crash(a);
  world.start(a);
  EXPECT_FALSE(world.join(b, ticket->ticket));
  EXPECT_EQ(a.overlay->members().size(), 1u);
}

TEST(Tickets, NobodyKnocksOnceTheLastOneIsGone) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b", {"expose"}, {}, 60s);
  world.run(62s);
  b.overlay->set_wall_clock({world.now, kEpoch});  // it would still try
  const auto before = a.overlay->sessions().counters();
  const auto late = world.join(b, ticket->ticket);
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().detail.contains("lets nobody in now")) << late.error().detail;
  EXPECT_FALSE(a.noticed("refused a join"));  // it never came to that
  EXPECT_EQ(a.overlay->sessions().counters().cert_unknown, before.cert_unknown + 1);
}

}  // namespace
}  // namespace weft::overlay::testing
