#include "overlay/relay/messages.hpp"

#include "base/assert.hpp"
#include "base/crypto.hpp"
#include "base/wire.hpp"

namespace weft::relay {

namespace {

using wire::Reader;
using wire::Writer;

enum class Type : std::uint64_t {
  Offer = 48,
  Reserve = 49,
  Reserved = 50,
  Connect = 51,
  Incoming = 52,
  Accept = 53,
  Connected = 54,
  Close = 55,
  Introduce = 56,
};
constexpr std::size_t kFields[] = {2, 0, 1, 2, 4, 1, 4, 2, 2};  // at least

Writer& begin(Writer& w, Type type, std::size_t fields) {
  return w.array(fields + 1).uint(static_cast<std::uint64_t>(type));
}

struct Encoder {
  Writer& w;

  void operator()(const Offer& m) const {
    begin(w, Type::Offer, 2).boolean(m.on).uint(m.load_permille);
  }
  void operator()(const Reserve&) const { begin(w, Type::Reserve, 0); }
  void operator()(const Reserved& m) const {
    begin(w, Type::Reserved, 1).uint(static_cast<std::uint64_t>(m.status));
  }
  void operator()(const Connect& m) const {
    begin(w, Type::Connect, m.token ? 3 : 2).uint(m.request).bin(m.target.view());
    if (m.token) w.bin(*m.token);
  }
  void operator()(const Incoming& m) const {
    begin(w, Type::Incoming, 4).uint(m.circuit).uint(m.label).bin(m.from.view());
    w.boolean(m.joining);
  }
  void operator()(const Accept& m) const { begin(w, Type::Accept, 1).uint(m.circuit); }
  void operator()(const Connected& m) const {
    begin(w, Type::Connected, 4).uint(m.request).uint(static_cast<std::uint64_t>(m.status));
    w.uint(m.circuit).uint(m.label);
  }
  void operator()(const Close& m) const {
    begin(w, Type::Close, 2).uint(m.circuit).boolean(m.by_relay);
  }
  void operator()(const Introduce& m) const {
    begin(w, Type::Introduce, 2).bin(m.token).uint(m.seconds);
  }
  void operator()(const Skipped&) const { WEFT_ASSERT(false && "never sent"); }
};

Result<NodeId> read_node(Reader& r) {
  NodeId node;
  WEFT_TRY(node.bytes, r.fixed<32>());
  return node;
}

Result<Label> read_label(Reader& r) {
  WEFT_TRY(const auto label, r.uint());
  if (label > kLabelMask) return fail(Errc::Malformed, "relay: a label has 48 bits");
  return label;
}

// A status of a later version is still a no.
Result<Status> read_status(Reader& r) {
  WEFT_TRY(const auto status, r.uint());
  return status <= static_cast<std::uint64_t>(Status::Refused) ? static_cast<Status>(status)
                                                               : Status::Refused;
}

Result<Message> read_connect(Reader& r, std::size_t fields) {
  Connect m;
  WEFT_TRY(m.request, r.uint());
  WEFT_TRY(m.target, read_node(r));
  if (fields > 2) {
    WEFT_TRY(m.token, r.fixed<32>());
  }
  return m;
}

Result<Message> read_incoming(Reader& r) {
  Incoming m;
  WEFT_TRY(m.circuit, r.uint());
  WEFT_TRY(m.label, read_label(r));
  WEFT_TRY(m.from, read_node(r));
  WEFT_TRY(m.joining, r.boolean());
  if (m.circuit == 0 || m.label == 0) return fail(Errc::Malformed, "relay: a circuit without id");
  return m;
}

Result<Message> read_connected(Reader& r) {
  Connected m;
  WEFT_TRY(m.request, r.uint());
  WEFT_TRY(m.status, read_status(r));
  WEFT_TRY(m.circuit, r.uint());
  WEFT_TRY(m.label, read_label(r));
  if (m.status == Status::Ok && (m.circuit == 0 || m.label == 0))
    return fail(Errc::Malformed, "relay: a circuit without id");
  return m;
}

Result<Message> read_fields(Reader& r, Type type, std::size_t fields) {
  switch (type) {
    case Type::Offer: {
      Offer m;
      WEFT_TRY(m.on, r.boolean());
      WEFT_TRY(m.load_permille, r.uint());
      return m;
    }
    case Type::Reserve:
      return Reserve{};
    case Type::Reserved: {
      WEFT_TRY(const auto status, read_status(r));
      return Reserved{status};
    }
    case Type::Connect:
      return read_connect(r, fields);
    case Type::Incoming:
      return read_incoming(r);
    case Type::Accept: {
      WEFT_TRY(const auto circuit, r.uint());
      return Accept{circuit};
    }
    case Type::Connected:
      return read_connected(r);
    case Type::Close: {
      Close m;
      WEFT_TRY(m.circuit, r.uint());
      WEFT_TRY(m.by_relay, r.boolean());
      return m;
    }
    case Type::Introduce: {
      Introduce m;
      WEFT_TRY(m.token, r.fixed<32>());
      WEFT_TRY(m.seconds, r.uint());
      return m;
    }
  }
  return Skipped{};
}

}  // namespace

std::string_view name_of(Status status) {
  switch (status) {
    case Status::Ok:
      return "ok";
    case Status::Off:
      return "it relays nothing";
    case Status::NoSuchNode:
      return "it does not reach that node";
    case Status::Full:
      return "it has no room";
    case Status::Spent:
      return "its volume of this month is used up";
    case Status::Refused:
      return "the far end did not take it";
  }
  return "unknown";
}

Token introduction(const ByteArray<32>& ticket_secret, const NodeId& relay) {
  return crypto::hmac_sha256(ticket_secret, {bytes_of("weft introduction v1"), relay.view()});
}

Bytes encode(const Message& message) {
  Writer w;
  std::visit(Encoder{w}, message);
  Bytes frame;
  append_be(frame, static_cast<std::uint16_t>(w.bytes().size()));
  append(frame, w.bytes());
  return frame;
}

Result<Message> decode(ByteView body) {
  Reader r = Reader::lenient(body);
  WEFT_TRY(const auto size, r.array(64));
  if (size == 0) return fail(Errc::Malformed, "control message: empty");
  WEFT_TRY(const auto type, r.uint());
  if (type < kFirstType || type - kFirstType >= std::size(kFields)) return Skipped{};
  if (size - 1 < kFields[type - kFirstType])
    return fail(Errc::Malformed, "control message: too few fields");
  return read_fields(r, static_cast<Type>(type), size - 1);
}

}  // namespace weft::relay
