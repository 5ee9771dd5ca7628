// What happened to the messages and streams of services in one network.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::overlay {

struct StreamCounters {
  std::uint64_t inbound = 0;
  std::uint64_t denied = 0;
  std::uint64_t outbound = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t messages_malformed = 0;
  std::uint64_t messages_stray = 0;
  std::uint64_t messages_early_lost = 0;
  std::uint64_t messages_refused = 0;

  static constexpr auto fields() {
    using C = StreamCounters;
    return std::tuple{
        field("stream_inbound", "streams", "opened by members to services here", &C::inbound),
        field("stream_denied", "streams", "of these, refused by a rule or a missing right",
              &C::denied),
        field("stream_outbound", "streams", "opened to services of members", &C::outbound),
        field("stream_messages_in", "messages", "handed to the program behind a stream",
              &C::messages_in),
        field("stream_messages_out", "messages", "taken from the program behind a stream",
              &C::messages_out),
        field("stream_messages_malformed", "messages", "dropped: no stream's message",
              &C::messages_malformed),
        field("stream_messages_stray", "messages", "dropped: their stream is not open",
              &C::messages_stray),
        field("stream_messages_early_lost", "messages",
              "dropped: too many came before their stream was open", &C::messages_early_lost),
        field("stream_messages_refused", "messages",
              "not taken: too large for a packet, or too many waited", &C::messages_refused)};
  }
};
static_assert(lists_all_fields<StreamCounters>());

}  // namespace weft::overlay
