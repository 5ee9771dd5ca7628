// An identity that runs on two machines: said once in the log, and in status as long as it holds.
#include <algorithm>
#include <utility>

#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

// To both of them, over each session with either.
void Overlay::Impl::tell_twice(Instant now, const Peer& peer, bool back) {
  const auto& young = peer.lives.back().instance;
  for (const auto& session : peer.sessions) {
    const auto link = links.find(session.id);
    if (link == links.end() || !session.instance) continue;
    send(now, link->second,
         RunsTwice{*session.instance == young ? peer.twice->older : peer.twice->younger});
  }
  if (!back) return;
  const Instant last = std::exchange(twice_said[peer.id], now);
  if (last != Instant{} && now - last < kTwiceKept) return;
  notice(Notice::Level::Warning, "the identity of " + label(peer.id) + " runs twice, at " +
                                     to_text(peer.twice->older) + " and at " +
                                     to_text(peer.twice->younger));
}

void Overlay::Impl::said(Instant now, Link& link, const RunsTwice& m) {
  if (link.up.joining || !network) return;
  if (!runs_twice || now - runs_twice->at >= kTwiceKept)
    notice(Notice::Level::Warning, "this node's identity runs twice: here, and at " +
                                       to_text(m.other) + ", says " + label(link.up.peer));
  runs_twice = {m.other, link.up.peer, now};
}

std::vector<std::string> Overlay::attention(Instant now) const {
  std::vector<std::string> out;
  const Impl& all = *impl_;
  if (!all.network) return out;
  for (const auto& [node, peer] : all.network->peers.all()) {
    if (!peer.twice || now - peer.twice->seen >= kTwiceKept) continue;
    out.push_back("the identity of " + all.label(node) + " runs twice, at " +
                  to_text(peer.twice->older) + " and at " + to_text(peer.twice->younger) +
                  "; the younger is used. Was a home or a machine copied? Stop one, and let it "
                  "join with a home of its own");
  }
  if (all.runs_twice && now - all.runs_twice->at < kTwiceKept)
    out.push_back("this node's identity runs twice: here, and at " +
                  to_text(all.runs_twice->other) + ", says " + all.label(all.runs_twice->by) +
                  ". Was a home or a machine copied? Stop one, and let it join with a home of its "
                  "own");
  return out;
}

}  // namespace weft::overlay
