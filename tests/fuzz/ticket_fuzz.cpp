// Tickets on anything, as text and as bytes, and an inviter's stored invites: no crash, and
// whatever is taken reads back as itself.
#include "base/assert.hpp"
#include "overlay/roster/ticket.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::roster;
  const weft::ByteView input(data, size);
  if (const auto ticket = Ticket::decode(input)) {
    const auto encoded = Ticket::decode(ticket->encode());
    WEFT_ASSERT(encoded.has_value() && *encoded == *ticket);
    const auto again = Ticket::from_text(ticket->to_text());
    WEFT_ASSERT(again.has_value() && *again == *ticket);
  }
  if (const auto ticket = Ticket::from_text(weft::text_of(input)))
    WEFT_ASSERT(ticket->addresses.size() <= kMaxTicketAddresses);
  if (const auto invite = Invite::decode(input)) WEFT_ASSERT(weft::equal(invite->encode(), input));
  return 0;
}
