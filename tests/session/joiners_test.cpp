// Strangers with a ticket, or with one that was used or expired while another is out: they get a
// few places, a member gets in beside them.
#include <gtest/gtest.h>

#include "tests/harness/pair.hpp"

namespace weft::session {
namespace {

using harness::End;
using harness::Pair;

// Many ends, each at its own address, all of which dial the pair's b.
struct Crowd {
  Crowd() {
    pair.b.network.accept_joiners = true;
    pair.b.layer.set_network(pair.b.network);
  }
  End& add(const Endpoint& at, bool member = false) {
    const auto seed = 1000 + ends.size();
    ends.push_back(std::make_unique<End>(seed, at, pair.trust, SessionLimits{}));
    End& end = *ends.back();
    end.join(pair.b.network.id, pair.b.network.secret);
    if (member) pair.trust.members.insert(end.identity.id);
    auto target = pair.target(member);
    target.join = !member;
    EXPECT_TRUE(end.layer.dial(pair.now, target));
    return end;
  }
  bool carry(End& from, Bytes& room) {
    bool moved = false;
    while (auto t = from.layer.poll_transmit(pair.now, room)) {
      moved = true;
      const std::size_t step = t->segment_size ? t->segment_size : t->size;
      for (std::size_t at = 0; at < t->size; at += step) {
        const Bytes bytes = to_bytes(ByteView(room).subspan(at, std::min(step, t->size - at)));
        End* to = &pair.b;
        if (&from == &pair.b) {
          const auto found =
              std::ranges::find(ends, t->to, [](const auto& e) { return e->endpoint; });
          if (found == ends.end()) continue;
          to = found->get();
        }
        to->layer.handle_datagram(pair.now,
                                  {PathId::Udp, to->endpoint, from.endpoint, Ecn::NotEct, bytes});
      }
    }
    return moved;
  }
  void run(Duration span) {
    Bytes room(kTransmitBufferSize);
    for (const Instant end = pair.now + span; pair.now < end; pair.now += 10ms) {
      pair.b.layer.handle_timeout(pair.now);
      for (auto& e : ends) e->layer.handle_timeout(pair.now);
      for (bool moved = true; moved;) {
        moved = carry(pair.b, room);
        for (auto& e : ends) moved = carry(*e, room) || moved;
      }
      while (auto event = pair.b.layer.poll_event()) pair.b.events.push_back(*event);
      for (auto& e : ends)
        while (auto event = e->layer.poll_event()) e->events.push_back(*event);
    }
  }
  std::size_t sessions() { return pair.b.layer.session_count(); }

  Pair pair{21};
  std::vector<std::unique_ptr<End>> ends;
};

TEST(Joiners, HaveSixtyFourPlacesInAllAndAMemberNeedsNone) {
  Crowd crowd;
  for (std::uint32_t i = 0; i < 100; ++i) crowd.add(Endpoint::v4(0x0b000000 + i, 4000));
  crowd.run(5s);
  EXPECT_EQ(crowd.sessions(), SessionLimits{}.max_joiners);
  EXPECT_EQ(crowd.pair.b.layer.counters().joiner_limit, 36u);
  End& member = crowd.add(Endpoint::v4(0x0c000001, 4000), true);
  crowd.run(1s);
  EXPECT_EQ(Pair::of<SessionUp>(member).size(), 1u);
  EXPECT_TRUE(Pair::of<SessionDown>(member).empty());
}

TEST(Joiners, HaveTwoPlacesForAnAddressAndLearnWhy) {
  Crowd crowd;
  for (std::uint16_t i = 0; i < 5; ++i) crowd.add(Endpoint::v4(0x0b000001, 4000 + i));
  crowd.add(Endpoint::v4(0x0b000002, 4000));
  crowd.run(5s);
  EXPECT_EQ(crowd.sessions(), 3u);
  std::size_t told = 0;
  for (const auto& end : crowd.ends)
    for (const auto& down : Pair::of<SessionDown>(*end))
      told += down.detail.find("try again") != std::string::npos;
  EXPECT_EQ(told, 3u);
  // A place is free again once its session is gone.
  const auto first = Pair::of<SessionUp>(crowd.pair.b).at(0).session;
  crowd.pair.b.layer.close(crowd.pair.now, first, 0, "");
  crowd.run(2s);
  crowd.add(Endpoint::v4(0x0b000001, 5000));
  crowd.run(2s);
  EXPECT_EQ(crowd.sessions(), 3u);
}

TEST(Joiners, OneIpv6NetworkIsOnePlace) {
  Crowd crowd;
  for (std::uint8_t i = 0; i < 5; ++i) {
    auto at = *endpoint_from_text("[2001:db8:0:100::1]:4000");
    at.address[7] = i;  // within the /56
    at.address[15] = static_cast<std::uint8_t>(i + 1);
    crowd.add(at);
  }
  crowd.run(5s);
  EXPECT_EQ(crowd.sessions(), 2u);
}

}  // namespace
}  // namespace weft::session
