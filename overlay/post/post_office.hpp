// The post office of one network: its sealed datagrams (first byte 0x04) are opened here once and
// go on by their channel; what parts have to say to a member leaves by whatever way there is
// (decision 33). docs/wire/post.md has the bytes.
//
// A way is, in this order:
//   session   the path and address of a live session with the member
//   direct    an address of the member that worked lately
//   forward   channel 4 through a member with a live session, the likeliest first; beside it the
//             same datagram to an address that has not been proven: the second copy is dropped
//
// Invariants
// 1. A datagram is opened once: its key is looked up, its box opened, its sender judged. What is
//    handed on is from a proven member; only replies on the DHT's channel may come from others.
// 2. What is forwarded is a whole sealed datagram between the two ends: the forwarder can neither
//    read nor change it, nor say that it is from somebody else.
// 3. A forwarder forwards for members to members with a live session, once, never on; at most
//    kForwardsPerSecond and kForwardBytesPerMinute of one sender. It keeps no state but these
//    meters, for at most kMetered senders.
// 4. Every queue and table is bounded; what does not fit is counted and dropped: datagrams get
// lost.
//
// No IO and no clock. Order: handle_datagram or send, then poll_transmit until it is empty.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/core.hpp"
#include "base/meter.hpp"
#include "overlay/post/counters.hpp"
#include "overlay/post/forward.hpp"
#include "overlay/post/real_sealer.hpp"

namespace weft::post {

enum class Channel : std::uint8_t { Dht = 1, Membership = 2, Path = 3, Forward = 4 };

// Room for the content of one send(), so that it fits even when both the datagram and the one
// around it introduce their senders: 1372 - 2 * 277 - 1 - 42, rounded down.
inline constexpr std::size_t kMaxContent = 768;
inline constexpr std::int64_t kForwardsPerSecond = 20;
inline constexpr std::int64_t kForwardBytesPerMinute = 64 << 10;
inline constexpr std::size_t kMetered =
    1024;  // senders; beyond them who sent longest ago gives way
inline constexpr std::size_t kMaxQueue = 1024;    // datagrams that wait for poll_transmit
inline constexpr std::size_t kMaxKnowers = 4096;  // members known to hold our certificate
// Beside the channel in a body's first byte: its sender holds the receiver's certificate, so the
// receiver need not show its own. Never set by the DHT, whose replies need no certificate.
inline constexpr std::uint8_t kKnowsYou = 0x80;
// Who did not say so for so long may have been started anew, without our key: we say hello again.
inline constexpr Duration kGreetAgain = 30s;

struct Way {
  PathId path = PathId::Udp;
  Endpoint remote;
};

// What the post must ask about members. Queries only.
class Members {
 public:
  virtual ~Members() = default;
  // Identity and static key of a member whose certificate is known; `endpoint` does not matter.
  [[nodiscard]] virtual std::optional<Contact> contact_of(const NodeId& node) const = 0;
  // The path of a live session.
  [[nodiscard]] virtual std::optional<Way> session_with(const NodeId& node) const = 0;
  struct Direct {
    Endpoint endpoint;
    bool proven = false;  // it worked lately
  };
  [[nodiscard]] virtual std::optional<Direct> address_of(Instant now, const NodeId& node) const = 0;
  // Members with a live session that may have one with `node`, likeliest first; a few.
  [[nodiscard]] virtual std::vector<NodeId> forwarders_to(const NodeId& node) const = 0;
};

// An opened message with the channel it is for. Views hold until the next call.
struct Delivered {
  Channel channel{};
  PathId path = PathId::Udp;
  Endpoint from;             // unspecified when forwarded
  std::optional<NodeId> by;  // who forwarded it
  std::size_t size = 0;      // of its datagram
  Unsealed message;          // its body begins with the channel's byte

  [[nodiscard]] ByteView content() const { return message.body.subspan(1); }
};

class PostOffice {
 public:
  // All outlive the post office.
  PostOffice(RealSealer& sealer, const Members& members, Rng& rng, const NodeId& self)
      : sealer_(sealer), members_(members), rng_(rng), self_(self) {}

  // nullopt: not for us, not genuine, or forwarded on; counted.
  std::optional<Delivered> handle_datagram(Instant now, const Datagram& in);
  // REQUIRES: content.size() <= kMaxContent. False: there is no way; counted.
  bool send(Instant now, const NodeId& to, Channel channel, ByteView content);
  // As the DHT wants it: sealed for its contact, to its contact's address. An answer to what came
  // last leaves the way that came.
  void send(const dht::Departing& message);
  std::optional<Transmit> poll_transmit(MutableByteView out);

  [[nodiscard]] const PostCounters& counters() const { return counters_; }
  [[nodiscard]] const dht::PostView& view() const { return sealer_; }

  friend PostOffice* addressee(std::span<PostOffice* const> offices, ByteView datagram);

 private:
  struct Waiting {
    Way way;
    Endpoint local;
    Bytes datagram;
  };
  struct Metered {
    NodeId sender;
    Instant last{};
    Meter datagrams{kForwardsPerSecond, kForwardsPerSecond};
    Meter bytes{kForwardBytesPerMinute / 60, kForwardBytesPerMinute};
  };

  std::optional<Delivered> deliver(Instant now, const Datagram& in, const Unsealed& message);
  void forward(Instant now, const NodeId& from, const Forward& order);
  std::optional<Delivered> unwrap(Instant now, const NodeId& by, const Forward& order);
  bool may_forward(Instant now, const NodeId& sender, std::size_t size);
  [[nodiscard]] std::optional<Bytes> seal(Instant now, const Contact& to, Bytes body);
  void enqueue(const Way& way, const Endpoint& local, Bytes datagram);
  bool send_by_forwarder(Instant now, const NodeId& to, const Bytes& datagram);
  void heard(Instant now, const Unsealed& message);

  RealSealer& sealer_;
  const Members& members_;
  Rng& rng_;
  NodeId self_;
  PostCounters counters_;
  std::deque<Waiting> queue_;
  std::vector<Metered> metered_;
  std::map<NodeId, Instant> knows_us_;  // who said so, and when last
  Datagram asked_;                      // what came last: its path and addresses
  Bytes inner_;                         // what the last forwarded message held
};

// Of several networks: whose datagram this is. The key id in front names the likeliest, the gate
// decides; the first one when none wants it, so that it is counted. nullptr: there is none.
PostOffice* addressee(std::span<PostOffice* const> offices, ByteView datagram);

}  // namespace weft::post
