// What stands beside a part, for tests of one part alone: a network of one with its session layer,
// links and journal, none of which is driven. Outputs are read by hand.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "base/crypto.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/control_message.hpp"
#include "overlay/journal/journal.hpp"
#include "overlay/links/links.hpp"
#include "overlay/part.hpp"
#include "overlay/peers/peer_table.hpp"

namespace weft::overlay::testing {

struct Bench {
  Bench() {
    config.identity = Identity::from_seed(rng.bytes<32>());
    config.person = crypto::Ed25519KeyPair::from_seed(rng.bytes<32>());
    roster = std::make_unique<roster::Roster>(make_roster());
    sessions = std::make_unique<session::SessionLayer>(config.identity, *roster, rng, paths, clock);
    links = std::make_unique<Links>(*sessions);
    table = std::make_unique<PeerTable>(config.identity.id, *sessions);
    beside = std::make_unique<Beside>(Beside{config, clock, rng, *sessions, *roster, *table, *links,
                                             journal, instance, last_command, last_door, seen_at,
                                             through});
  }
  roster::Roster make_roster() {
    roster::GenesisBody genesis;
    genesis.network_name = "net";
    genesis.network_secret = rng.bytes<32>();
    genesis.person_key = config.person->public_key;
    genesis.person_name = "ann";
    genesis.node_key = config.identity.public_key();
    genesis.node_name = "oak";
    auto made = roster::Roster::create(*config.person, std::move(genesis), clock.at(now));
    WEFT_ASSERT(made.has_value());
    return std::move(*made);
  }
  // Lets a node in, as its inviter would.
  Identity let_in(const std::string& name, roster::MayFlags may = roster::kMayExpose) {
    const Identity identity = Identity::from_seed(rng.bytes<32>());
    const auto entry = roster->propose(
        *config.person,
        roster::NodeBody{identity.public_key(), name, config.person->public_key, may},
        clock.at(now));
    WEFT_ASSERT(entry.has_value());
    WEFT_ASSERT(roster->append(*entry).has_value());
    return identity;
  }
  // A session with that node, as if it were up.
  session::SessionUp up(const Identity& peer, SessionId id, bool joining = false) {
    session::SessionUp e{};
    e.session = id;
    e.network = roster->network();
    e.peer = peer.id;
    e.certificate = Certificate::issue(peer, roster->network(), crypto::Key32{}, 1, clock.at(now));
    e.joining = joining;
    e.remote = Endpoint::v4(0x7f000001, 4000);
    return e;
  }
  template <class Message>
  Result<void> say(Part& part, const session::SessionUp& from, const Message& message) {
    const Bytes frame = encode(ControlMessage(message));
    const ByteView body = ByteView(frame).subspan(2);
    return part.handle_control(now, {from, *control_type(body), body});
  }
  std::vector<Output> poll(Part& part) {
    std::vector<Output> out;
    while (auto output = part.poll_output()) out.push_back(std::move(*output));
    return out;
  }
  template <class Kind>
  static std::vector<Kind> of(const std::vector<Output>& outputs) {
    std::vector<Kind> out;
    for (const auto& output : outputs)
      if (const auto* match = std::get_if<Kind>(&output)) out.push_back(*match);
    return out;
  }
  template <class Event>
  static std::vector<Event> events(const std::vector<Output>& outputs) {
    std::vector<Event> out;
    for (const auto& event : of<OverlayEvent>(outputs))
      if (const auto* match = std::get_if<Event>(&event)) out.push_back(*match);
    return out;
  }
  // The messages of one kind that were to be said.
  template <class Message>
  static std::vector<Message> said(const std::vector<Output>& outputs) {
    std::vector<Message> out;
    const auto look = [&](const Bytes& frame) {
      const auto message = decode_control(ByteView(frame).subspan(2));
      if (const auto* match = std::get_if<Message>(&*message)) out.push_back(*match);
    };
    for (const auto& say : of<Say>(outputs)) look(say.frame);
    for (const auto& say : of<SayAll>(outputs)) look(say.frame);
    return out;
  }

  SeededRng rng{7};
  Instant now = Instant{} + 1h;
  WallClock clock{now, 1'800'000'000};
  OverlayConfig config;
  std::unique_ptr<roster::Roster> roster;
  path::PathTable paths;
  std::unique_ptr<session::SessionLayer> sessions;
  std::unique_ptr<Links> links;
  Journal journal;
  std::unique_ptr<PeerTable> table;
  ByteArray<8> instance{};
  CommandId last_command = 0;
  std::uint64_t last_door = 0;
  std::vector<Endpoint> seen_at;
  std::vector<Address> through;
  std::unique_ptr<Beside> beside;
};

}  // namespace weft::overlay::testing
