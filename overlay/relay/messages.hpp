// What a node and its relay say to each other on the control stream of their session: types 48 to
// 63 of docs/wire/control.md, each u16 length | msgpack array [type, fields...]; further elements
// are skipped. docs/wire/relay.md.
//
//   relay  -> member  Offer      whether it relays, and how busy it is
//   member -> relay   Reserve    "I may be reached through you": taken back by the end of the session
//   relay  -> member  Reserved
//   member -> relay   Connect    a circuit to that node, please
//   relay  -> target  Incoming   one is there for you, from that node, with this label
//   target -> relay   Accept
//   relay  -> member  Connected  with the label of its leg, or why not
//   any    -> any     Close
//   inviter -> relay  Introduce  let who shows this token reach me, until then
#pragma once

#include <optional>
#include <variant>

#include "base/error.hpp"
#include "base/node_id.hpp"
#include "overlay/relay/frame.hpp"

namespace weft::relay {

using CircuitId = std::uint64_t;  // of the relay; never 0
using Token = ByteArray<32>;

enum class Status : std::uint64_t {
  Ok = 0,
  Off = 1,         // it relays nothing
  NoSuchNode = 2,  // no session with it, or it reserved nothing there
  Full = 3,        // as many reservations or circuits as may be
  Spent = 4,       // its volume of this month is used up
  Refused = 5,     // the far end said no, or nothing for 5 s
};
std::string_view name_of(Status status);

struct Offer {
  bool on = false;
  std::uint64_t load_permille = 0;
};
struct Reserve {};
struct Reserved {
  Status status = Status::Ok;
};
struct Connect {
  std::uint64_t request = 0;
  NodeId target;
  std::optional<Token> token{};  // of who is no member yet
};
struct Incoming {
  CircuitId circuit = 0;
  Label label = 0;
  NodeId from;
  bool joining = false;
};
struct Accept {
  CircuitId circuit = 0;
};
struct Connected {
  std::uint64_t request = 0;
  Status status = Status::Ok;
  CircuitId circuit = 0;
  Label label = 0;
};
// Two nodes may be each other's relay, and each counts its circuits from 1.
struct Close {
  CircuitId circuit = 0;
  bool by_relay = false;  // whose circuit: the sender's, as a relay, or the receiver's
};
struct Introduce {
  Token token{};
  std::uint64_t seconds = 0;  // from now; 0: no longer
};
struct Skipped {};  // a type of a later version

using Message = std::variant<Offer, Reserve, Reserved, Connect, Incoming, Accept, Connected, Close,
                             Introduce, Skipped>;

inline constexpr std::uint64_t kFirstType = 48;
inline constexpr std::uint64_t kLastType = 63;

// What the holder of a ticket shows to a relay that the ticket names, and its inviter tells it.
[[nodiscard]] Token introduction(const ByteArray<32>& ticket_secret, const NodeId& relay);

// The framed message. REQUIRES: not Skipped.
[[nodiscard]] Bytes encode(const Message& message);
// The body of one frame, without its length. Malformed ends the session.
[[nodiscard]] Result<Message> decode(ByteView body);

}  // namespace weft::relay
