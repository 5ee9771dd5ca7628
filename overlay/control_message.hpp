// What two nodes say on the control stream, the first bidirectional stream of a session, opened by
// the initiator. Each message is u16 length | msgpack array [type, fields...]; extra elements and
// unknown map keys are ignored, unknown types are skipped: that is how later versions grow. Bytes:
// docs/wire/control.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "overlay/service/service_line.hpp"

namespace weft::overlay {

using service::kMaxServicesPerMessage;
using service::ServiceLine;

inline constexpr std::uint64_t kControlVersion = 1;
inline constexpr std::size_t kMaxControlMessage = 65535;  // what a u16 can announce
inline constexpr std::size_t kMaxEndpointsPerNode = 8;    // hosts with more are behind a NAT anyway
inline constexpr std::size_t kMostOthersTold = 4;         // of them, of other kinds than UDP
inline constexpr std::size_t kMaxPeersPerMessage = 64;    // 64 * ~400 B fits one message
inline constexpr std::size_t kMaxEntriesPerMessage = 12;  // 12 * 4 KiB fits one message
inline constexpr std::size_t kMaxLocatorHashes = 40;
inline constexpr std::uint64_t kMaxHealthAge = 366ull * 86400;  // seconds; an older one reads as it

struct Hello {
  std::uint64_t version_min = kControlVersion;
  std::uint64_t version_max = kControlVersion;
  ByteArray<8> instance{};          // random per process start: tells a restart from a second dial
  Endpoint observed;                // where the receiver appears to be
  std::vector<Endpoint> endpoints;  // where the sender can be reached
  std::vector<Address> others;      // and by TCP, WebSocket, relays; on the wire in the same list
  std::string software;
};
struct Ping {
  std::uint64_t sequence = 0;
};
struct Pong {
  std::uint64_t sequence = 0;
};
struct RosterHave {
  std::uint64_t sequence = 0;
  ByteArray<32> head{};
};
struct RosterGet {
  std::vector<ByteArray<32>> locator;
};  // hashes from our head down, sparser

// `last` ends one answer; `more`: there is more behind it, ask again.
struct RosterEntries {
  std::vector<Bytes> entries;
  bool more = false;
  bool last = true;
};
struct PeerRecord {
  Bytes certificate;
  std::vector<Endpoint> endpoints;
  std::vector<Address> others = {};
};
struct PeerList {
  std::vector<PeerRecord> peers;
};
struct ServicesGet {
  std::uint64_t request = 0;
};
struct ServicesAre {
  std::uint64_t request = 0;
  std::vector<ServiceLine> services;
};
struct JoinRequest {
  ByteArray<16> ticket{};
  ByteArray<32> proof{};
  std::string wanted_name;
  std::uint64_t time = 0;  // the joiner's clock, Unix seconds; 0: not told
};
enum class JoinStatus : std::uint64_t {
  Ok = 0,
  NoSuchTicket = 1,
  WrongProof = 2,
  Expired = 3,
  Used = 4,
  NameTaken = 5,
  Denied = 6,
  Storage = 7,
  Removed = 8,
};
struct JoinAnswer {
  JoinStatus status = JoinStatus::Ok;
  std::string detail;
  std::string name;
  std::uint64_t time = 0;  // the inviter's clock
};
struct Rekey {
  Bytes message;
};
// To a node whose identity runs twice, from a peer of both: where the other one is.
struct RunsTwice {
  Endpoint other;
};
// "I go": the receiver, if it may, signs the sender's removal.
struct Leave {};
struct Unknown {
  std::uint64_t type = 0;
};

using ControlMessage =
    std::variant<Hello, Ping, Pong, RosterHave, RosterGet, RosterEntries, PeerList, ServicesGet,
                 ServicesAre, JoinRequest, JoinAnswer, Rekey, RunsTwice, Leave, Unknown>;

// The framed message. REQUIRES: lists within the limits above; Unknown is never sent.
Bytes encode(const ControlMessage& message);
// The type of a message, whatever it is; then the rest need not be read.
[[nodiscard]] Result<std::uint64_t> control_type(ByteView body);
// The body of one frame, without its length.
[[nodiscard]] Result<ControlMessage> decode_control(ByteView body);

}  // namespace weft::overlay
