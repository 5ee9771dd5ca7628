// What membership did, and what it would not take.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::membership {

struct SwimCounters {
  std::uint64_t probes = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t suspicions = 0;
  std::uint64_t deaths = 0;
  std::uint64_t refutations = 0;
  std::uint64_t aways = 0;
  std::uint64_t syncs = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t malformed = 0;
  std::uint64_t forged = 0;
  std::uint64_t strangers = 0;
  std::uint64_t jumps = 0;
  std::uint64_t limited = 0;
  std::uint64_t outweighed = 0;

  static constexpr auto fields() {
    using C = SwimCounters;
    return std::tuple{
        field("probes", "probes", "of members, to see whether they are there", &C::probes),
        field("probes_failed", "probes", "without an answer, by helpers neither",
              &C::probes_failed),
        field("suspicions", "members", "that came under suspicion", &C::suspicions),
        field("deaths", "members", "that did not show themselves then", &C::deaths),
        field("refutations", "times", "this node was suspected and said that it lives",
              &C::refutations),
        field("aways", "times", "this process stood still and accused nobody for it", &C::aways),
        field("syncs", "times", "what is known was compared with a member", &C::syncs),
        field("packets_out", "packets", "of membership, sent", &C::packets_out),
        field("bytes_out", "bytes", "of these, before sealing", &C::bytes_out),
        field("malformed", "packets", "and words that do not parse", &C::malformed),
        field("forged", "words", "whose signature is wrong, or that speak for another", &C::forged),
        field("strangers", "words", "by or about nodes that are no members", &C::strangers),
        field("jumps", "claims", "of an incarnation too far ahead, asked back", &C::jumps),
        field("limited", "packets", "and words of members that say too much", &C::limited),
        field("outweighed", "accusations", "of a member that this node hears itself",
              &C::outweighed)};
  }
};
static_assert(lists_all_fields<SwimCounters>());

}  // namespace weft::membership
