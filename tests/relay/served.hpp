// A relay's server and the sessions of those who use it, each at an address of its own.
#pragma once

#include <gtest/gtest.h>
#include <map>

#include <string>
#include <vector>

#include "base/seeded_rng.hpp"
#include "overlay/relay/server.hpp"
#include "tests/relay/relayed.hpp"

namespace weft::relay::testing {

inline NodeId node(std::uint8_t n) {
  NodeId id;
  id.bytes.fill(n);
  return id;
}

struct Served {
  Served() {
    (void)paths.add({.kind = path::PathKind::Udp});
    server.set_on(now, true);
  }
  static Endpoint at(Session session) {
    return Endpoint::v4(0x0a000000U + static_cast<std::uint32_t>(session), 7);
  }
  static Way way_of(Session session) { return {PathId::Udp, at(session)}; }

  void enter(Session session, const NodeId& member, bool joining = false) {
    server.enter(session, {{}, member, joining}, way_of(session));
  }
  void pass(Duration span) {
    now += span;
    server.handle_timeout(now);
  }
  void listen() {
    while (auto say = server.poll_say()) heard[say->to].push_back(std::move(say->message));
  }
  // The last message of this kind that was said to that session, taken.
  template <class M>
  std::optional<M> said(Session to) {
    listen();
    auto& all = heard[to];
    for (std::size_t i = all.size(); i-- > 0;)
      if (const M* found = std::get_if<M>(&all[i])) {
        const M out = *found;
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
        return out;
      }
    return std::nullopt;
  }
  std::optional<Status> reserve(Session session) {
    server.handle(now, session, Reserve{});
    const auto answer = said<Reserved>(session);
    return answer ? std::optional(answer->status) : std::nullopt;
  }
  Connected connect(Session session, const NodeId& target, std::optional<Token> token = {}) {
    server.handle(now, session, Connect{1, target, token});
    return said<Connected>(session).value_or(Connected{0, Status::Ok});
  }
  // A live circuit from the one to the other, who are nodes of these numbers.
  void circuit(Session from, Session to) {
    if (!server.knows(from)) enter(from, node(static_cast<std::uint8_t>(from)));
    if (!server.knows(to)) enter(to, node(static_cast<std::uint8_t>(to)));
    (void)reserve(to);
    server.handle(now, from, Connect{1, node(static_cast<std::uint8_t>(to))});
    const auto incoming = said<Incoming>(to);
    ASSERT_TRUE(incoming);
    last_circuit = incoming->circuit;
    label_of_target = incoming->label;
    server.handle(now, to, Accept{incoming->circuit});
    const auto connected = said<Connected>(from);
    ASSERT_TRUE(connected);
    label_of_asker = connected->label;
  }
  bool carries(Session from, Label label, Session to, std::size_t size = 100) {
    const Bytes frame = frame_of(label, std::string(size - kHeader, 'x'));
    Datagram in;
    in.from = at(from);
    in.payload = frame;
    (void)server.forwarder().handle_datagram(now, in);
    Bytes out(kTransmitBufferSize);
    const auto transmit = server.forwarder().poll_transmit(out);
    return transmit && transmit->to == at(to) && transmit->size == size;
  }

  Instant now{1h};
  path::PathTable paths;
  SeededRng rng{1};
  Server server{rng, paths, 0};
  std::map<Session, std::vector<Message>> heard;
  CircuitId last_circuit = 0;
  Label label_of_asker = 0, label_of_target = 0;
};

}  // namespace weft::relay::testing
