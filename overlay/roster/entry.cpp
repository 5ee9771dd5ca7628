#include "overlay/roster/entry.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/wire.hpp"
#include "overlay/roster/fields.hpp"

namespace weft::roster {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxTopicName = 255;
constexpr std::string_view kSignDomain = "weft roster v1\0"sv;
constexpr std::string_view kKeyChangeDomain = "weft key change v1\0"sv;

void pack_fields(wire::Writer& out, const Entry& e) {
  out.uint(kVersion).bin(e.network.view()).uint(e.seq).bin(e.prev).uint(e.kind);
  out.boolean(e.critical).bin(e.body).uint(static_cast<std::uint64_t>(e.time));
}

Bytes signed_bytes(const Entry& entry) {
  wire::Writer fields;
  fields.array(8);
  pack_fields(fields, entry);
  Bytes out = to_bytes(bytes_of(kSignDomain));
  append(out, fields.bytes());
  return out;
}

Bytes key_change_bytes(const NetworkId& network, const NodeId& node) {
  Bytes out = to_bytes(bytes_of(kKeyChangeDomain));
  append(out, network.view());
  append(out, node.view());
  return out;
}

Result<NodeId> node_id(wire::Reader& in) {
  WEFT_TRY(const auto bytes, in.fixed<32>());
  return NodeId{bytes};
}

Result<Body> read_genesis(wire::Reader& in) {
  GenesisBody b;
  WEFT_CHECK(expect_array(in, 6));
  WEFT_TRY(b.network_name, read_label(in));
  WEFT_TRY(b.network_secret, in.fixed<32>());
  WEFT_TRY(b.person_key, in.fixed<32>());
  WEFT_TRY(b.person_name, read_label(in));
  WEFT_TRY(b.node_key, in.fixed<32>());
  WEFT_TRY(b.node_name, read_label(in));
  return b;
}

Result<Body> read_person(wire::Reader& in) {
  PersonBody b;
  WEFT_CHECK(expect_array(in, 3));
  WEFT_TRY(b.key, in.fixed<32>());
  WEFT_TRY(b.name, read_label(in));
  WEFT_TRY(b.may, in.uint());
  return b;
}

Result<Body> read_node(wire::Reader& in) {
  NodeBody b;
  WEFT_CHECK(expect_array(in, 4));
  WEFT_TRY(b.identity, in.fixed<32>());
  WEFT_TRY(b.name, read_label(in));
  WEFT_TRY(b.owner, in.fixed<32>());
  WEFT_TRY(b.may, in.uint());
  return b;
}

Result<Body> read_group(wire::Reader& in) {
  GroupBody b;
  WEFT_CHECK(expect_array(in, 3));
  WEFT_TRY(b.group, read_label(in));
  WEFT_TRY(b.add, in.boolean());
  WEFT_TRY(b.node, node_id(in));
  return b;
}

Result<Body> read_grant(wire::Reader& in) {
  GrantBody b;
  WEFT_CHECK(expect_array(in, 3));
  WEFT_TRY(b.service, read_label(in));
  WEFT_TRY(b.node, node_id(in));
  WEFT_TRY(b.until, read_unix_time(in));
  return b;
}

Result<Body> read_quota(wire::Reader& in) {
  QuotaBody b;
  WEFT_CHECK(expect_array(in, 2));
  WEFT_TRY(b.node, node_id(in));
  WEFT_TRY(b.relayed_bytes_per_day, in.uint());
  return b;
}

Result<Body> read_key_change(wire::Reader& in) {
  KeyChangeBody b;
  WEFT_CHECK(expect_array(in, 3));
  WEFT_TRY(b.node, node_id(in));
  WEFT_TRY(b.new_identity, in.fixed<32>());
  WEFT_TRY(b.proof, in.fixed<64>());
  return b;
}

Result<Body> read_removal(wire::Reader& in) {
  RemovalBody b;
  WEFT_CHECK(expect_array(in, 2));
  WEFT_TRY(b.person, in.boolean());
  WEFT_TRY(b.target, in.fixed<32>());
  return b;
}

Result<Body> read_checkpoint(wire::Reader& in) {
  WEFT_CHECK(expect_array(in, 0));
  return CheckpointBody{};
}

Result<Ruling> read_ruling(wire::Reader& in) {
  WEFT_TRY(const auto value, in.uint());
  if (value > static_cast<std::uint64_t>(Ruling::Deny)) return fail(Errc::Malformed, "a ruling");
  return static_cast<Ruling>(value);
}

// Who: 0 a node, 1 a group, 2 everybody, as rules of access have it.
Result<Body> read_topic(wire::Reader& in) {
  TopicBody b;
  WEFT_CHECK(expect_array(in, 5));
  WEFT_TRY(const auto topic, in.str(kMaxTopicName));
  const auto plain = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7f; };
  if (topic.empty() || !std::ranges::all_of(topic, plain)) return fail(Errc::Malformed, "topic");
  b.topic = topic;
  WEFT_TRY(const auto who, in.uint());
  if (who == 0) {
    WEFT_TRY(b.node, node_id(in));
  } else if (who == 1) {
    WEFT_TRY(b.group, read_label(in));
  } else if (who == 2) {
    WEFT_TRY(const auto nobody, in.str(0));
    if (!nobody.empty()) return fail(Errc::Malformed, "topic: who");
  } else {
    return fail(Errc::Malformed, "topic: who");
  }
  WEFT_TRY(b.publish, read_ruling(in));
  WEFT_TRY(b.read, read_ruling(in));
  return b;
}

Result<Body> read_body(wire::Reader& in, Kind kind) {
  switch (kind) {
    case Kind::Genesis:
      return read_genesis(in);
    case Kind::Person:
      return read_person(in);
    case Kind::Node:
      return read_node(in);
    case Kind::Group:
      return read_group(in);
    case Kind::Grant:
      return read_grant(in);
    case Kind::Quota:
      return read_quota(in);
    case Kind::KeyChange:
      return read_key_change(in);
    case Kind::Removal:
      return read_removal(in);
    case Kind::Checkpoint:
      return read_checkpoint(in);
    case Kind::Topic:
      return read_topic(in);
  }
  return UnknownBody{};
}

struct Packer {
  wire::Writer out;

  void operator()(const UnknownBody&) {
    WEFT_ASSERT(false && "an unknown body has no packed form");
  }
  void operator()(const GenesisBody& b) {
    out.array(6).str(b.network_name).bin(b.network_secret).bin(b.person_key);
    out.str(b.person_name).bin(b.node_key).str(b.node_name);
  }
  void operator()(const PersonBody& b) { out.array(3).bin(b.key).str(b.name).uint(b.may); }
  void operator()(const NodeBody& b) {
    out.array(4).bin(b.identity).str(b.name).bin(b.owner).uint(b.may);
  }
  void operator()(const GroupBody& b) {
    out.array(3).str(b.group).boolean(b.add).bin(b.node.view());
  }
  void operator()(const GrantBody& b) {
    out.array(3).str(b.service).bin(b.node.view()).uint(static_cast<std::uint64_t>(b.until));
  }
  void operator()(const QuotaBody& b) {
    out.array(2).bin(b.node.view()).uint(b.relayed_bytes_per_day);
  }
  void operator()(const KeyChangeBody& b) {
    out.array(3).bin(b.node.view()).bin(b.new_identity).bin(b.proof);
  }
  void operator()(const RemovalBody& b) { out.array(2).boolean(b.person).bin(b.target); }
  void operator()(const CheckpointBody&) { out.array(0); }
  void operator()(const TopicBody& b) {
    out.array(5).str(b.topic);
    if (b.node)
      out.uint(0).bin(b.node->view());
    else
      out.uint(b.group.empty() ? 2 : 1).str(b.group);
    out.uint(static_cast<std::uint64_t>(b.publish)).uint(static_cast<std::uint64_t>(b.read));
  }
};

struct KindOf {
  Kind operator()(const UnknownBody&) const {
    WEFT_ASSERT(false && "an unknown body has no kind of ours");
    return Kind::Genesis;
  }
  Kind operator()(const GenesisBody&) const { return Kind::Genesis; }
  Kind operator()(const PersonBody&) const { return Kind::Person; }
  Kind operator()(const NodeBody&) const { return Kind::Node; }
  Kind operator()(const GroupBody&) const { return Kind::Group; }
  Kind operator()(const GrantBody&) const { return Kind::Grant; }
  Kind operator()(const QuotaBody&) const { return Kind::Quota; }
  Kind operator()(const KeyChangeBody&) const { return Kind::KeyChange; }
  Kind operator()(const RemovalBody&) const { return Kind::Removal; }
  Kind operator()(const CheckpointBody&) const { return Kind::Checkpoint; }
  Kind operator()(const TopicBody&) const { return Kind::Topic; }
};

// The signatures behind the fields: ascending signers, so that one set of them has one encoding.
Result<void> read_signatures(wire::Reader& in, Entry& e) {
  WEFT_TRY(const auto count, in.array(kMaxSigners));
  if (count == 0 || (count > 1 && !e.is(Kind::Removal)))
    return fail(Errc::Malformed, "number of signatures");
  for (std::size_t i = 0; i < count; ++i) {
    CoSignature one;
    WEFT_CHECK(expect_array(in, 2));
    WEFT_TRY(one.signer, in.fixed<32>());
    WEFT_TRY(one.signature, in.fixed<64>());
    if (i == 0) {
      e.signer = one.signer;
      e.signature = one.signature;
      continue;
    }
    const auto& last = i == 1 ? e.signer : e.others.back().signer;
    if (one.signer <= last) return fail(Errc::NonCanonical, "order of signatures");
    e.others.push_back(one);
  }
  return {};
}

}  // namespace

Result<Entry> Entry::decode(ByteView bytes) {
  if (bytes.size() > kMaxEntrySize) return fail(Errc::TooLarge, "entry over 4096 bytes");
  auto in = wire::Reader::canonical(bytes);
  Entry e;
  WEFT_CHECK(expect_array(in, 9));
  WEFT_TRY(const auto version, in.uint());
  if (version != kVersion) return fail(Errc::Unsupported, "entry version");
  WEFT_TRY(e.network.bytes, in.fixed<32>());
  WEFT_TRY(e.seq, in.uint());
  WEFT_TRY(e.prev, in.fixed<32>());
  WEFT_TRY(e.kind, in.uint());
  WEFT_TRY(e.critical, in.boolean());
  WEFT_TRY(const auto body, in.bin(kMaxEntrySize));
  e.body = to_bytes(body);
  WEFT_TRY(e.time, read_unix_time(in));
  WEFT_CHECK(read_signatures(in, e));
  WEFT_CHECK(in.finish());
  const Bytes covered = signed_bytes(e);
  if (!crypto::ed25519_verify(e.signer, covered, e.signature))
    return fail(Errc::BadSignature, "roster entry");
  for (const auto& other : e.others)
    if (!crypto::ed25519_verify(other.signer, covered, other.signature))
      return fail(Errc::BadSignature, "roster entry");
  return e;
}

Bytes Entry::encode() const {
  wire::Writer out;
  out.array(9);
  pack_fields(out, *this);
  out.array(1 + others.size()).array(2).bin(signer).bin(signature);
  for (const auto& other : others) out.array(2).bin(other.signer).bin(other.signature);
  return out.take();
}

void Entry::cosign(const crypto::Ed25519KeyPair& key) {
  WEFT_ASSERT(is(Kind::Removal) && 1 + others.size() < kMaxSigners);
  others.push_back({signer, signature});
  others.push_back({key.public_key, crypto::ed25519_sign(key, signed_bytes(*this))});
  std::ranges::sort(others, {}, &CoSignature::signer);
  signer = others.front().signer;
  signature = others.front().signature;
  others.erase(others.begin());
}

bool Entry::known_kind() const { return kind <= static_cast<std::uint64_t>(Kind::Topic); }

Result<Body> Entry::parse_body() const {
  if (!known_kind()) return UnknownBody{};
  auto in = wire::Reader::canonical(body);
  WEFT_TRY(auto parsed, read_body(in, static_cast<Kind>(kind)));
  WEFT_CHECK(in.finish());
  return parsed;
}

Entry Entry::sign(const crypto::Ed25519KeyPair& key, const NetworkId& network, const Head& prev,
                  Kind kind, Bytes body, UnixTime time, bool critical) {
  WEFT_ASSERT(time >= 0);
  Entry e;
  e.network = network;
  e.seq = prev.seq + 1;
  e.prev = prev.hash;
  e.kind = static_cast<std::uint64_t>(kind);
  e.critical = critical;
  e.body = std::move(body);
  e.time = time;
  e.signer = key.public_key;
  e.signature = crypto::ed25519_sign(key, signed_bytes(e));
  return e;
}

Entry Entry::sign_genesis(const crypto::Ed25519KeyPair& person, const GenesisBody& body,
                          UnixTime time) {
  WEFT_ASSERT(time >= 0);
  Entry e;
  e.kind = static_cast<std::uint64_t>(Kind::Genesis);
  e.critical = true;
  e.body = pack(body);
  e.time = time;
  e.signer = person.public_key;
  e.signature = crypto::ed25519_sign(person, signed_bytes(e));
  return e;
}

Bytes pack(const Body& body) {
  Packer packer;
  std::visit(packer, body);
  return packer.out.take();
}

Kind kind_of(const Body& body) { return std::visit(KindOf{}, body); }

crypto::Signature key_change_proof(const crypto::Ed25519KeyPair& new_key, const NetworkId& network,
                                   const NodeId& node) {
  return crypto::ed25519_sign(new_key, key_change_bytes(network, node));
}

bool verify_key_change(const KeyChangeBody& body, const NetworkId& network) {
  return crypto::ed25519_verify(body.new_identity, key_change_bytes(network, body.node),
                                body.proof);
}

}  // namespace weft::roster
