#include "node/ticket_text.hpp"

#include "overlay/roster/ticket.hpp"

namespace weft::node {

static_assert(kMaxPaste == roster::kMaxTicketText);

std::optional<std::string> addresses_in_ticket(std::string_view text) {
  const auto ticket = roster::Ticket::from_text(text);
  if (!ticket) return std::nullopt;
  std::string out;
  for (const auto& endpoint : udp_endpoints(ticket->addresses))
    out += (out.empty() ? "" : ", ") + to_text(endpoint);
  return out;
}

}  // namespace weft::node
