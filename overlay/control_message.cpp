#include "overlay/control_message.hpp"

#include "base/address.hpp"
#include "base/assert.hpp"
#include "base/label.hpp"
#include "base/wire.hpp"

namespace weft::overlay {

namespace {

using wire::Reader;
using wire::Writer;

enum class Type : std::uint64_t {
  Hello = 1,
  Ping = 2,
  Pong = 3,
  RosterHave = 4,
  RosterGet = 5,
  RosterEntries = 6,
  PeerList = 7,
  ServicesGet = 8,
  ServicesAre = 9,
  JoinRequest = 10,
  JoinAnswer = 11,
  Rekey = 12,
  RunsTwice = 13,
  Leave = 16,
};

Writer& begin(Writer& w, Type type, std::size_t fields) {
  return w.array(fields + 1).uint(static_cast<std::uint64_t>(type));
}

Bytes wire_of(const Endpoint& endpoint) {
  Bytes out;
  append_wire(out, endpoint);
  return out;
}

// In one list, those of UDP first; the others keep their places in it.
void write_places(Writer& w, const std::vector<Endpoint>& endpoints,
                  const std::vector<Address>& others) {
  auto all = udp_addresses(endpoints);
  const std::size_t behind = std::min(others.size(), kMostOthersTold);
  all.resize(std::min(all.size(), kMaxEndpointsPerNode - behind));
  all.insert(all.end(), others.begin(), others.begin() + static_cast<std::ptrdiff_t>(behind));
  write_addresses(w, all, kMaxEndpointsPerNode);
}

Result<Endpoint> read_endpoint(Reader& r) {
  WEFT_TRY(const auto bytes, r.bin(Endpoint::kWireSize));
  return endpoint_from_wire(bytes);
}

Result<void> read_places(Reader& r, std::vector<Endpoint>& endpoints,
                         std::vector<Address>& others) {
  WEFT_TRY(const auto addresses, read_addresses(r, kMaxEndpointsPerNode));
  endpoints = udp_endpoints(addresses);
  others = other_addresses(addresses);
  return {};
}

struct Encoder {
  Writer& w;

  void operator()(const Hello& m) const {
    begin(w, Type::Hello, 3).uint(m.version_min).uint(m.version_max).map(4);
    w.str("instance").bin(m.instance).str("observed").bin(wire_of(m.observed));
    w.str("addresses");
    write_places(w, m.endpoints, m.others);
    w.str("software").str(m.software);
  }
  void operator()(const Ping& m) const { begin(w, Type::Ping, 1).uint(m.sequence); }
  void operator()(const Pong& m) const { begin(w, Type::Pong, 1).uint(m.sequence); }
  void operator()(const RosterHave& m) const {
    begin(w, Type::RosterHave, 2).uint(m.sequence).bin(m.head);
  }
  void operator()(const RosterGet& m) const {
    const auto count = std::min(m.locator.size(), kMaxLocatorHashes);
    begin(w, Type::RosterGet, 1).array(count);
    for (std::size_t i = 0; i < count; ++i) w.bin(m.locator[i]);
  }
  void operator()(const RosterEntries& m) const {
    WEFT_ASSERT(m.entries.size() <= kMaxEntriesPerMessage);
    begin(w, Type::RosterEntries, 3).boolean(m.more).boolean(m.last).array(m.entries.size());
    for (const auto& entry : m.entries) w.bin(entry);
  }
  void operator()(const PeerList& m) const {
    WEFT_ASSERT(m.peers.size() <= kMaxPeersPerMessage);
    begin(w, Type::PeerList, 1).array(m.peers.size());
    for (const auto& peer : m.peers) {
      w.array(2).bin(peer.certificate);
      write_places(w, peer.endpoints, peer.others);
    }
  }
  void operator()(const ServicesGet& m) const { begin(w, Type::ServicesGet, 1).uint(m.request); }
  void operator()(const ServicesAre& m) const {
    WEFT_ASSERT(m.services.size() <= kMaxServicesPerMessage);
    begin(w, Type::ServicesAre, 2).uint(m.request).array(m.services.size());
    for (const auto& service : m.services) {
      w.array(5).str(service.name).str(service.protocol).uint(service.port);
      w.uint(static_cast<std::uint64_t>(service.health)).uint(service.health_age_s);
    }
  }
  void operator()(const JoinRequest& m) const {
    begin(w, Type::JoinRequest, 4).bin(m.ticket).bin(m.proof).str(m.wanted_name).uint(m.time);
  }
  void operator()(const JoinAnswer& m) const {
    begin(w, Type::JoinAnswer, 4)
        .uint(static_cast<std::uint64_t>(m.status))
        .str(m.detail)
        .str(m.name)
        .uint(m.time);
  }
  void operator()(const Rekey& m) const { begin(w, Type::Rekey, 1).bin(m.message); }
  void operator()(const RunsTwice& m) const { begin(w, Type::RunsTwice, 1).bin(wire_of(m.other)); }
  void operator()(const Leave&) const { begin(w, Type::Leave, 0); }
  void operator()(const Unknown&) const {
    WEFT_ASSERT(false && "an unknown message is never sent");
  }
};

Result<void> read_capability(Reader& r, Hello& m) {
  WEFT_TRY(const auto key, r.str(64));
  if (key == "instance") {
    WEFT_TRY(m.instance, r.fixed<8>());
  } else if (key == "observed") {
    WEFT_TRY(m.observed, read_endpoint(r));
  } else if (key == "addresses") {
    WEFT_CHECK(read_places(r, m.endpoints, m.others));
  } else if (key == "software") {
    WEFT_TRY(const auto text, r.str(64));
    m.software = text;
  } else {
    return r.skip();
  }
  return {};
}

Result<ControlMessage> read_hello(Reader& r) {
  Hello m;
  WEFT_TRY(m.version_min, r.uint());
  WEFT_TRY(m.version_max, r.uint());
  WEFT_TRY(const auto capabilities, r.map(64));
  for (std::size_t i = 0; i < capabilities; ++i) WEFT_CHECK(read_capability(r, m));
  return m;
}

Result<ControlMessage> read_roster_entries(Reader& r) {
  RosterEntries m;
  WEFT_TRY(m.more, r.boolean());
  WEFT_TRY(m.last, r.boolean());
  WEFT_TRY(const auto count, r.array(kMaxEntriesPerMessage));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto entry, r.bin(4096));
    m.entries.push_back(to_bytes(entry));
  }
  return m;
}

Result<ControlMessage> read_peer_list(Reader& r) {
  PeerList m;
  WEFT_TRY(const auto count, r.array(kMaxPeersPerMessage));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto fields, r.array(16));
    if (fields < 2) return fail(Errc::Malformed, "peer record: too short");
    PeerRecord peer;
    WEFT_TRY(const auto certificate, r.bin(512));
    peer.certificate = to_bytes(certificate);
    WEFT_CHECK(read_places(r, peer.endpoints, peer.others));
    for (std::size_t extra = 2; extra < fields; ++extra) WEFT_CHECK(r.skip());
    m.peers.push_back(std::move(peer));
  }
  return m;
}

Result<ServiceLine> read_service(Reader& r) {
  WEFT_TRY(const auto fields, r.array(16));
  if (fields < 2) return fail(Errc::Malformed, "service line: too short");
  WEFT_TRY(const auto name, r.str(kMaxLabel));
  WEFT_TRY(const auto protocol, r.str(16));
  if (!is_label(name) || !is_label(protocol))
    return fail(Errc::Malformed, "service line: its name or protocol is no label");
  ServiceLine line{std::string(name), std::string(protocol)};
  if (fields > 2) {
    WEFT_TRY(line.port, r.uint());
    if (line.port > 65535) line.port = 0;
  }
  if (fields > 4) {
    WEFT_TRY(const auto health, r.uint());
    WEFT_TRY(const auto age, r.uint());
    line.health_age_s = std::min(age, kMaxHealthAge);
    // A health of a later version tells nothing.
    if (health <= static_cast<std::uint64_t>(service::Health::NoAnswer))
      line.health = static_cast<service::Health>(health);
  }
  for (std::size_t extra = fields > 4 ? 5 : std::min<std::size_t>(fields, 3); extra < fields;
       ++extra)
    WEFT_CHECK(r.skip());
  return line;
}

Result<ControlMessage> read_services(Reader& r) {
  ServicesAre m;
  WEFT_TRY(m.request, r.uint());
  WEFT_TRY(const auto count, r.array(kMaxServicesPerMessage));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(auto line, read_service(r));
    m.services.push_back(std::move(line));
  }
  return m;
}

Result<ControlMessage> read_join_request(Reader& r, std::size_t fields) {
  JoinRequest m;
  WEFT_TRY(m.ticket, r.fixed<16>());
  WEFT_TRY(m.proof, r.fixed<32>());
  WEFT_TRY(const auto name, r.str(63));
  m.wanted_name = name;
  if (fields > 3) {
    WEFT_TRY(m.time, r.uint());
  }
  return m;
}

Result<ControlMessage> read_join_answer(Reader& r, std::size_t fields) {
  JoinAnswer m;
  WEFT_TRY(const auto status, r.uint());
  // A status of a later version is still a no.
  m.status = status <= static_cast<std::uint64_t>(JoinStatus::Removed)
                 ? static_cast<JoinStatus>(status)
                 : JoinStatus::Denied;
  WEFT_TRY(const auto detail, r.str(512));
  WEFT_TRY(const auto name, r.str(63));
  m.detail = detail;
  m.name = name;
  if (fields > 3) {
    WEFT_TRY(m.time, r.uint());
  }
  return m;
}

// One message that is a single unsigned number.
template <class Message>
Result<ControlMessage> read_number(Reader& r, std::uint64_t Message::* field) {
  Message m;
  WEFT_TRY(m.*field, r.uint());
  return m;
}

Result<ControlMessage> read_fields(Reader& r, std::uint64_t type, std::size_t fields) {
  static constexpr std::size_t kFields[] = {0, 3, 1, 1, 2, 1, 3, 1, 1, 2, 3, 3, 1, 1};
  if (type == static_cast<std::uint64_t>(Type::Leave)) return Leave{};
  if (type == 0 || type >= std::size(kFields)) return Unknown{type};
  if (fields < kFields[type]) return fail(Errc::Malformed, "control message: too few fields");
  switch (static_cast<Type>(type)) {
    case Type::Hello:
      return read_hello(r);
    case Type::Ping:
      return read_number<Ping>(r, &Ping::sequence);
    case Type::Pong:
      return read_number<Pong>(r, &Pong::sequence);
    case Type::RosterHave: {
      RosterHave m;
      WEFT_TRY(m.sequence, r.uint());
      WEFT_TRY(m.head, r.fixed<32>());
      return m;
    }
    case Type::RosterGet: {
      RosterGet m;
      WEFT_TRY(const auto count, r.array(kMaxLocatorHashes));
      for (std::size_t i = 0; i < count; ++i) {
        WEFT_TRY(const auto hash, r.fixed<32>());
        m.locator.push_back(hash);
      }
      return m;
    }
    case Type::RosterEntries:
      return read_roster_entries(r);
    case Type::PeerList:
      return read_peer_list(r);
    case Type::ServicesGet:
      return read_number<ServicesGet>(r, &ServicesGet::request);
    case Type::ServicesAre:
      return read_services(r);
    case Type::JoinRequest:
      return read_join_request(r, fields);
    case Type::JoinAnswer:
      return read_join_answer(r, fields);
    case Type::Rekey: {
      WEFT_TRY(const auto message, r.bin(8192));
      return Rekey{to_bytes(message)};
    }
    case Type::RunsTwice: {
      WEFT_TRY(const auto other, read_endpoint(r));
      return RunsTwice{other};
    }
    case Type::Leave:
      break;
  }
  return Unknown{type};
}

}  // namespace

Bytes encode(const ControlMessage& message) {
  Writer w;
  std::visit(Encoder{w}, message);
  WEFT_ASSERT(w.bytes().size() <= kMaxControlMessage);
  Bytes frame;
  frame.reserve(w.bytes().size() + 2);
  append_be(frame, static_cast<std::uint16_t>(w.bytes().size()));
  append(frame, w.bytes());
  return frame;
}

Result<std::uint64_t> control_type(ByteView body) {
  Reader r = Reader::lenient(body);
  WEFT_TRY(const auto size, r.array(64));
  if (size == 0) return fail(Errc::Malformed, "control message: empty");
  return r.uint();
}

Result<ControlMessage> decode_control(ByteView body) {
  Reader r = Reader::lenient(body);
  WEFT_TRY(const auto size, r.array(64));
  if (size == 0) return fail(Errc::Malformed, "control message: empty");
  WEFT_TRY(const auto type, r.uint());
  return read_fields(r, type, size - 1);
}

}  // namespace weft::overlay
