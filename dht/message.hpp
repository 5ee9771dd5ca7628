// The bodies of the DHT's sealed datagrams: one byte kChannel, then a msgpack array, read leniently
// (extra elements are ignored). docs/wire/dht.md shows the bytes.
//
//   request  [type, flags, cookie 8 | nil, ...]
//     1 ping       [.., contacts?]              news: servers the sender met lately
//     2 find_node  [.., target 32, skip?]       skip: the nearest so many are known already
//     3 get        [.., key 32, kind, skip?]
//     4 put        [.., cas | nil, record, left?]  left: what a holder grants it, in seconds
//   reply    [type, flags, cookie 8, ...]       the request's nonce lies outside the body
//     1 ping       [.., endpoint 18 | nil, known?]  where the request came from; which of its
//                                               contacts were no news, one bit each
//     2 find_node  [.., contacts]
//     3 get        [.., contacts, [record ...]]
//     4 put        [.., error]
//
// contacts = one binary of n * 82 bytes. A body is at most sealed::kMaxDatagram long, so no count
// in here can announce more than that holds.
#pragma once

#include <optional>
#include <variant>

#include "base/sealed.hpp"
#include "base/wire.hpp"
#include "dht/contact.hpp"
#include "dht/record.hpp"

namespace weft::dht {

// Sealed datagrams are shared with others; this first byte says the body is ours.
inline constexpr std::uint8_t kChannel = 0x01;

inline constexpr std::uint64_t kFlagServer = 1;     // the sender answers requests
inline constexpr std::uint64_t kFlagFullTable = 2;  // the sender keeps a directory of everybody
inline constexpr std::uint64_t kFlagMore = 4;  // records did not fit: ask again with the cookie
inline constexpr std::uint64_t kFlagMoreContacts = 8;  // contacts did not fit: ask on with skip
inline constexpr std::uint64_t kFlagNewcomer = 16;  // joined or moved lately: worth telling others

using Cookie = std::uint64_t;  // opaque to whom it was given

enum class MessageType : std::uint8_t { Ping = 1, FindNode = 2, Get = 3, Put = 4 };

struct Request {
  static constexpr std::uint64_t kMaxSkip = 64;
  MessageType type = MessageType::Ping;
  std::uint64_t flags = 0;
  std::optional<Cookie> cookie;
  ByteView contacts;                        // ping: n * kContactSize
  NodeId target;                            // find_node, get (the key)
  RecordKind kind = RecordKind::Immutable;  // get
  std::uint64_t skip = 0;                   // find_node, get: at most kMaxSkip
  std::optional<std::uint64_t> cas;         // put
  ByteView record;                          // put: still encoded
  std::optional<std::uint64_t> left;        // put: seconds it has to live, if the sender holds it

  [[nodiscard]] Bytes encode() const;
  // Views point into `body`.
  [[nodiscard]] static Result<Request> decode(ByteView body);
};

struct Reply {
  static constexpr std::size_t kMaxRecords = 8;
  static constexpr std::size_t kMaxContacts = sealed::kMaxDatagram / kContactSize;
  MessageType type = MessageType::Ping;
  std::uint64_t flags = 0;
  Cookie cookie = 0;
  std::optional<Endpoint> observed;  // ping
  std::uint64_t known = 0;           // ping: bit i, the request's contact i was no news
  ByteView contacts;                 // find_node, get
  std::vector<ByteView> records;     // get
  PutError error = PutError::None;   // put

  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Reply> decode(ByteView body);
};

void append_wire(Bytes& out, const Contact& contact);
inline std::size_t contact_count(ByteView contacts) { return contacts.size() / kContactSize; }
inline ByteView contact_at(ByteView contacts, std::size_t index) {
  return contacts.subspan(index * kContactSize, kContactSize);
}

}  // namespace weft::dht
