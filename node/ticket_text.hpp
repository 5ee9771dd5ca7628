// A ticket as a user pastes it, looked into before it is sent to the daemon: is it whole, and where
// will it lead? Part of the vocabulary that daemon and command line share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::node {

inline constexpr std::size_t kMaxPaste = 8192;  // of a ticket and what is pasted around it

// The addresses in it, "192.0.2.1:41820, ..."; nothing while no whole ticket is in the text.
[[nodiscard]] std::optional<std::string> addresses_in_ticket(std::string_view text);

}  // namespace weft::node
