// What the DHT counts.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::dht {

struct DhtCounters {
  std::uint64_t messages_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t messages_out = 0;
  std::uint32_t malformed = 0;
  std::uint32_t rate_limited = 0;
  std::uint32_t bad_cookies = 0;
  std::uint32_t stray_replies = 0;
  std::uint32_t unproven = 0;
  std::uint32_t bad_records = 0;
  std::uint32_t dropped = 0;
  std::uint32_t puts_refused = 0;
  std::uint32_t unsolicited = 0;
  std::uint32_t timeouts = 0;
  std::uint32_t retransmits = 0;

  static constexpr auto fields() {
    using C = DhtCounters;
    return std::tuple{
        field("messages_in", "messages", "received", &C::messages_in),
        field("bytes_in", "bytes", "received, as datagrams", &C::bytes_in),
        field("messages_out", "messages", "handed to the post", &C::messages_out),
        field("malformed", "messages", "that opened and do not parse", &C::malformed),
        field("rate_limited", "requests", "over the rate of one address", &C::rate_limited),
        field("bad_cookies", "requests", "with a cookie that is not ours for that address",
              &C::bad_cookies),
        field("stray_replies", "replies", "that nobody asked for: spoofed, replayed or late",
              &C::stray_replies),
        field("unproven", "replies", "from nodes that never showed a certificate", &C::unproven),
        field("bad_records", "records", "with a wrong target, hash or signature", &C::bad_records),
        field("dropped", "items", "dropped because a bound of this node was reached", &C::dropped),
        field("puts_refused", "requests", "to store a record that were refused", &C::puts_refused),
        field("unsolicited", "requests", "from nodes we had sent nothing to: we can be reached",
              &C::unsolicited),
        field("timeouts", "requests", "that got no reply", &C::timeouts),
        field("retransmits", "requests", "sent again", &C::retransmits)};
  }
};
static_assert(lists_all_fields<DhtCounters>());

}  // namespace weft::dht
