#include "tests/hostile/misdeeds.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace weft::overlay::testing {

namespace {

using Victim = Puppet::Victim;

Victim& any(Puppet& puppet) { return puppet.victims[puppet.rng.uniform(puppet.victims.size())]; }

Endpoint nowhere(Rng& rng) {
  return Endpoint::v4(0xc6336400u | static_cast<std::uint32_t>(rng.uniform(256)),  // 198.51.100/24
                      static_cast<std::uint16_t>(1 + rng.uniform(65535)));
}

template <class Make>
void flood(Instant now, Puppet& puppet, int times, Make&& make) {
  for (int i = 0; i < times; ++i) {
    Victim& victim = any(puppet);
    puppet.say(now, victim, make());
  }
}

void hellos(Instant now, Puppet& puppet) {  // to one node, which may tell the others each time
  for (int k = 0; k < 150; ++k) {
    Hello hello;
    hello.instance = puppet.rng.bytes<8>();
    for (int i = 0; i < 8; ++i) hello.endpoints.push_back(nowhere(puppet.rng));
    hello.software = "weft test";
    puppet.say(now, puppet.victims[0], hello);
  }
}
void peer_lists(Instant now, Puppet& puppet) {
  flood(now, puppet, 4, [&] {
    PeerList list;  // certificates of nobody, and addresses that are nowhere
    for (int k = 0; k < 16; ++k) {
      PeerRecord record;
      const auto who = Identity::generate(puppet.rng);
      record.certificate = Certificate::issue(who, puppet.roster.network(), {}, 1, kEpoch).encode();
      for (int i = 0; i < 8; ++i) record.endpoints.push_back(nowhere(puppet.rng));
      list.peers.push_back(std::move(record));
    }
    return list;
  });
}
void roster_questions(Instant now, Puppet& puppet) {
  flood(now, puppet, 20, [] { return RosterGet{}; });
}
void roster_claims(Instant now, Puppet& puppet) {
  flood(now, puppet, 20, [&] { return RosterHave{puppet.rng.u64() >> 8, puppet.rng.bytes<32>()}; });
}
void garbage_entries(Instant now, Puppet& puppet) {
  flood(now, puppet, 2, [&] {
    RosterEntries entries;
    entries.more = true;
    for (int i = 0; i < 12; ++i) {
      Bytes entry(puppet.rng.uniform(4096));
      puppet.rng.fill(entry);
      entries.entries.push_back(std::move(entry));
    }
    return entries;
  });
}
void pings(Instant now, Puppet& puppet) {
  flood(now, puppet, 50, [&] { return Ping{puppet.rng.u64() >> 4}; });
}
void questions_of_services(Instant now, Puppet& puppet) {
  flood(now, puppet, 50, [&] { return ServicesGet{puppet.rng.u64() >> 4}; });
}
void invented_services(Instant now, Puppet& puppet) {
  flood(now, puppet, 2, [&] {
    ServicesAre services;
    for (int i = 0; i < 511; ++i)
      services.services.push_back({"s" + std::to_string(puppet.rng.uniform(100'000)), "tcp", 80});
    services.services.push_back({"web", "tcp", 80});  // what an honest node offers
    return services;
  });
}
void unreadable_frames(Instant now, Puppet& puppet) {
  Bytes frame(2 + puppet.rng.uniform(40));
  puppet.rng.fill(frame);
  frame[0] = 0;
  frame[1] = static_cast<std::uint8_t>(frame.size() - 2);
  // Chance writes a Leave now and then, and m may go: then it is missed where it should be.
  const auto read = decode_control(ByteView(frame).subspan(2));
  if (read && std::holds_alternative<Leave>(*read)) return;
  puppet.say_raw(now, any(puppet), frame);
}
void long_frames(Instant now, Puppet& puppet) {
  Bytes frame(60'002, 0xc0);
  frame[0] = 60'000 >> 8;
  frame[1] = 60'000 & 0xff;
  puppet.say_raw(now, any(puppet), frame);
}
void streams_nobody_reads(Instant now, Puppet& puppet) {
  puppet.reads = false;
  for (int i = 0; i < 8; ++i) puppet.open(now, any(puppet), "web", 20'000);
}
void uploads_to_a_service_that_stands(Instant now, Puppet& puppet) {
  for (auto& victim : puppet.victims)
    if (victim.streams.size() < 200) puppet.open(now, victim, "sink", 1'000'000);
}
void streams_opened_and_reset(Instant now, Puppet& puppet) {
  Victim& victim = any(puppet);
  for (int i = 0; i < 8; ++i) puppet.open(now, victim, "web", 100);
  puppet.reset_streams(now, victim);
}
void services_it_may_not_use(Instant now, Puppet& puppet) {
  for (int i = 0; i < 4; ++i) puppet.open(now, any(puppet), "private", 1000);
}
void silence(Instant, Puppet& puppet) { puppet.deaf = puppet.mute = true; }
void no_acknowledgements(Instant now, Puppet& puppet) {
  puppet.mute = puppet.rng.uniform(4) != 0;
  roster_questions(now, puppet);
}
void sessions_made_and_left(Instant now, Puppet& puppet) { puppet.hang_up(now, any(puppet)); }
void strangers_at_the_door(Instant now, Puppet& puppet) { puppet.knock(now, any(puppet)); }
void replays(Instant, Puppet& puppet) {
  for (int i = 0; i < 8 && !puppet.sent.empty(); ++i) {
    const auto& [to, bytes] = puppet.sent[puppet.rng.uniform(puppet.sent.size())];
    puppet.send_as(static_cast<int>(puppet.rng.uniform(kMaxFaces)), to, bytes);
  }
}
void damaged_datagrams(Instant, Puppet& puppet) {
  for (int i = 0; i < 8 && !puppet.sent.empty(); ++i) {
    auto [to, bytes] = puppet.sent[puppet.rng.uniform(puppet.sent.size())];
    bytes[puppet.rng.uniform(bytes.size())] ^=
        static_cast<std::uint8_t>(1 + puppet.rng.uniform(255));
    puppet.send_as(static_cast<int>(puppet.rng.uniform(kMaxFaces)), to, std::move(bytes));
  }
}
void echoes(Instant, Puppet& puppet) {  // what one node sent goes to another
  for (int i = 0; i < 8 && !puppet.heard.empty(); ++i)
    puppet.send_as(0, any(puppet).endpoint,
                   puppet.heard[puppet.rng.uniform(puppet.heard.size())].second);
}
// Entries it signs. A plain member may sign none, an admin may not touch its seniors; what its own
// copy of the roster takes it keeps, so that the next stands on it.
void forged_entries(Instant now, Puppet& puppet) {
  const auto* self = puppet.roster.member(puppet.identity.id);
  const Victim& whom = any(puppet);
  const bool plain = self == nullptr || (self->may & roster::kMayAdmin) == 0;
  Bytes entry;
  switch (puppet.rng.uniform(4)) {
    case 0:
      if (plain || whom.senior) entry = puppet.forge(roster::RemovalBody{false, whom.id.bytes});
      break;
    case 1:
      entry = puppet.forge(roster::NodeBody{
          Identity::generate(puppet.rng).public_key(),
          "x" + std::to_string(puppet.rng.uniform(1000)),
          self == nullptr ? puppet.person.public_key : self->owner, roster::kMayAdmin});
      break;
    case 2:
      entry = puppet.forge(roster::CheckpointBody{});
      break;
    default:
      entry = puppet.forge_unknown_kind();
  }
  if (entry.empty()) return;
  RosterEntries message;
  message.entries.push_back(std::move(entry));
  for (auto& victim : puppet.victims) puppet.say(now, victim, message);
}

constexpr std::array kMisdeeds{
    Misdeed{"hellos", hellos},
    Misdeed{"peer lists", peer_lists},
    Misdeed{"roster questions", roster_questions},
    Misdeed{"roster claims", roster_claims},
    Misdeed{"garbage entries", garbage_entries},
    Misdeed{"pings", pings},
    Misdeed{"questions of services", questions_of_services},
    Misdeed{"invented services", invented_services},
    Misdeed{"unreadable frames", unreadable_frames},
    Misdeed{"long frames", long_frames},
    Misdeed{"streams nobody reads", streams_nobody_reads},
    Misdeed{"uploads to a service that stands", uploads_to_a_service_that_stands},
    Misdeed{"streams opened and reset", streams_opened_and_reset},
    Misdeed{"services it may not use", services_it_may_not_use},
    Misdeed{"silence", silence},
    Misdeed{"no acknowledgements", no_acknowledgements},
    Misdeed{"sessions made and left", sessions_made_and_left},
    Misdeed{"strangers at the door", strangers_at_the_door},
    Misdeed{"replays", replays},
    Misdeed{"damaged datagrams", damaged_datagrams},
    Misdeed{"echoes", echoes},
    Misdeed{"forged entries", forged_entries},
};

}  // namespace

std::span<const Misdeed> misdeeds() { return kMisdeeds; }

const Misdeed& misdeed_named(std::string_view name) {
  const auto at = std::ranges::find(kMisdeeds, name, &Misdeed::name);
  WEFT_ASSERT(at != kMisdeeds.end());
  return *at;
}

}  // namespace weft::overlay::testing
