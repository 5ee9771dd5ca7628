// What one UDP socket counts.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::carriers {

struct UdpCounters {
  std::uint64_t rx_datagrams = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t rx_calls = 0;
  std::uint64_t rx_coalesced = 0;
  std::uint64_t rx_truncated = 0;
  std::uint64_t rx_errors = 0;
  std::uint64_t rx_kernel_drops = 0;
  std::uint64_t tx_datagrams = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t tx_calls = 0;
  std::uint64_t tx_segmented = 0;
  std::uint64_t tx_blocked = 0;
  std::uint64_t tx_dropped = 0;
  std::uint64_t tx_too_big = 0;
  std::uint64_t tx_errors = 0;
  std::uint64_t gso_refused = 0;

  static constexpr auto fields() {
    using C = UdpCounters;
    return std::tuple{
        field("rx_datagrams", "datagrams", "received", &C::rx_datagrams),
        field("rx_bytes", "bytes", "received", &C::rx_bytes),
        field("rx_calls", "calls", "of recvmmsg", &C::rx_calls),
        field("rx_coalesced", "datagrams", "that came inside a GRO batch", &C::rx_coalesced),
        field("rx_truncated", "datagrams", "longer than our buffer, dropped", &C::rx_truncated),
        field("rx_errors", "errors", "of receiving", &C::rx_errors),
        field("rx_kernel_drops", "datagrams",
              "lost because our receive buffer was full (SO_RXQ_OVFL)", &C::rx_kernel_drops),
        field("tx_datagrams", "datagrams", "sent", &C::tx_datagrams),
        field("tx_bytes", "bytes", "sent", &C::tx_bytes),
        field("tx_calls", "calls", "of sendmsg and sendmmsg", &C::tx_calls),
        field("tx_segmented", "batches", "that used UDP_SEGMENT", &C::tx_segmented),
        field("tx_blocked", "times", "the kernel's send buffer was full", &C::tx_blocked),
        field("tx_dropped", "datagrams", "beyond the limit of those that wait", &C::tx_dropped),
        field("tx_too_big", "datagrams", "over the MTU of the path", &C::tx_too_big),
        field("tx_errors", "datagrams", "refused otherwise: unreachable, not permitted",
              &C::tx_errors),
        field("gso_refused", "batches", "the kernel would not segment", &C::gso_refused)};
  }
};
static_assert(lists_all_fields<UdpCounters>());

}  // namespace weft::carriers
