// What the post office counts, beside what its sealer does (real_sealer.hpp).
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::post {

struct PostCounters {
  std::uint64_t datagrams_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t by_session = 0;
  std::uint64_t by_address = 0;
  std::uint64_t by_forwarder = 0;
  std::uint64_t forwarded_on = 0;
  std::uint64_t forwarded_in = 0;
  std::uint32_t not_opened = 0;
  std::uint32_t unproven = 0;
  std::uint32_t no_channel = 0;
  std::uint32_t malformed = 0;
  std::uint32_t forward_limited = 0;
  std::uint32_t forward_no_way = 0;
  std::uint32_t forward_refused = 0;
  std::uint32_t no_way = 0;
  std::uint32_t not_sealed = 0;
  std::uint32_t queue_full = 0;

  static constexpr auto fields() {
    using C = PostCounters;
    return std::tuple{
        field("datagrams_in", "datagrams", "received", &C::datagrams_in),
        field("bytes_in", "bytes", "received", &C::bytes_in),
        field("datagrams_out", "datagrams", "sent", &C::datagrams_out),
        field("bytes_out", "bytes", "sent", &C::bytes_out),
        field("by_session", "messages", "sent by the path of a live session", &C::by_session),
        field("by_address", "messages", "sent to an address of the member", &C::by_address),
        field("by_forwarder", "messages", "sent through another member", &C::by_forwarder),
        field("forwarded_on", "messages", "handed on for other members", &C::forwarded_on),
        field("forwarded_in", "messages", "that came through another member", &C::forwarded_in),
        field("not_opened", "datagrams", "forged, from strangers or of other networks",
              &C::not_opened),
        field("unproven", "datagrams", "of senders that never showed a certificate", &C::unproven),
        field("no_channel", "messages", "for a channel that nobody here has", &C::no_channel),
        field("malformed", "messages", "of the forward channel that do not parse", &C::malformed),
        field("forward_limited", "messages", "not forwarded: over the rate of their sender",
              &C::forward_limited),
        field("forward_no_way", "messages", "not forwarded: no session with whom they are for",
              &C::forward_no_way),
        field("forward_refused", "messages",
              "not taken: forwarded twice, or not from whom they were said to be",
              &C::forward_refused),
        field("no_way", "messages", "not sent: nothing leads to the member", &C::no_way),
        field("not_sealed", "messages", "not sent: too long, or for a key that is none",
              &C::not_sealed),
        field("queue_full", "messages", "not sent: too many waited", &C::queue_full)};
  }
};
static_assert(lists_all_fields<PostCounters>());

}  // namespace weft::post
