#include "overlay/service/mapping.hpp"

#include <algorithm>

#include "base/label.hpp"
#include "base/wire.hpp"

namespace weft::service {
namespace {

constexpr std::uint64_t kPlain = 1;
constexpr std::uint64_t kWithReplicas = 2;
constexpr std::uint64_t kWithProtocol = 3;
constexpr std::uint64_t kDirect = 4;
constexpr std::size_t kFields[] = {0, 6, 8, 9, 10};  // of each version

Bytes key_of(std::uint64_t id) {
  Bytes key;
  append_be(key, id);
  return key;
}

}  // namespace

Result<ServiceRef> parse_service_ref(std::string_view text) {
  const auto at = text.find('@');
  const auto service = text.substr(0, at);
  if (!is_label(service))
    return fail(Errc::Usage, "a service is SERVICE or SERVICE@NODE, its name of a-z, 0-9 and -");
  ServiceRef ref{std::string(service), {}, {}};
  if (at == std::string_view::npos) return ref;
  for (auto rest = text.substr(at + 1);;) {
    const auto comma = rest.find(',');
    const auto node = rest.substr(0, comma);
    if (!is_label(node)) return fail(Errc::Usage, "after @ comes a node's name or its id (wf1...)");
    if (ref.node.empty())
      ref.node = std::string(node);
    else
      ref.also.emplace_back(node);
    if (ref.also.size() > kMaxReplicas) return fail(Errc::Usage, "at most 9 nodes for one door");
    if (comma == std::string_view::npos) return ref;
    rest.remove_prefix(comma + 1);
  }
}

Result<std::optional<NodeId>> resolve_node(const ServiceRef& ref, const TrustView& trust,
                                           const NetworkId& network) {
  if (ref.node.empty()) return std::nullopt;
  // The id first: a node called like another's id must not take its place.
  if (const auto id = node_id_from_text(ref.node)) return *id;
  if (const auto named = trust.node_named(network, ref.node)) return named;
  return fail(Errc::NotFound, "no node is called " + ref.node);
}

Bytes Mapping::encode() const {
  const auto version = direct                      ? kDirect
                       : protocol != Protocol::Tcp ? kWithProtocol
                       : any || !also.empty()      ? kWithReplicas
                                                   : kPlain;
  wire::Writer out;
  out.array(kFields[version]).uint(version).uint(id).str(service);
  if (node)
    out.bin(node->view());
  else
    out.nil();
  Bytes wire;
  append_wire(wire, listen);
  out.bin(wire).boolean(once);
  if (version == kPlain) return out.take();
  out.boolean(any).array(also.size());
  for (const auto& replica : also) out.bin(replica.view());
  if (version >= kWithProtocol) out.uint(static_cast<std::uint64_t>(protocol));
  if (version == kDirect) out.boolean(direct);
  return out.take();
}

Result<Mapping> Mapping::decode(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  WEFT_TRY(const auto count, in.array(kFields[kDirect]));
  WEFT_TRY(const auto version, in.uint());
  if (version > kDirect) return fail(Errc::Unsupported, "stored door of a newer version");
  if (version < kPlain || count != kFields[version]) return fail(Errc::Malformed, "stored door");
  Mapping m;
  WEFT_TRY(m.id, in.uint());
  WEFT_TRY(const auto service, in.str(kMaxLabel));
  if (!is_label(service)) return fail(Errc::Malformed, "stored door's service");
  m.service = std::string(service);
  if (in.peek() == wire::Kind::Nil) {
    WEFT_CHECK(in.nil());
  } else {
    WEFT_TRY(const auto node, in.fixed<32>());
    m.node = NodeId{node};
  }
  WEFT_TRY(const auto wire, in.bin(Endpoint::kWireSize));
  WEFT_TRY(m.listen, endpoint_from_wire(wire));
  WEFT_TRY(m.once, in.boolean());
  if (version >= kWithReplicas) {
    WEFT_TRY(m.any, in.boolean());
    WEFT_TRY(const auto replicas, in.array(kMaxReplicas));
    for (std::size_t i = 0; i < replicas; ++i) {
      WEFT_TRY(const auto node, in.fixed<32>());
      m.also.push_back(NodeId{node});
    }
    const bool plain = !m.any && m.also.empty();
    if (plain ? version == kWithReplicas : !m.node) return fail(Errc::Malformed, "stored door");
  }
  if (version >= kWithProtocol) {
    WEFT_TRY(const auto protocol, in.uint());
    if (protocol > static_cast<std::uint64_t>(Protocol::Socks5))
      return fail(Errc::Unsupported, "stored door of a newer version");
    m.protocol = static_cast<Protocol>(protocol);
    if (m.protocol == Protocol::Tcp && version == kWithProtocol)
      return fail(Errc::Malformed, "stored door");
  }
  if (version == kDirect) {
    WEFT_TRY(m.direct, in.boolean());
    if (!m.direct) return fail(Errc::Malformed, "stored door");
  }
  WEFT_CHECK(in.finish());
  return m;
}

Result<MappingTable::Change> MappingTable::add(Mapping mapping) {
  if (!is_label(mapping.service)) return fail(Errc::Usage, "not a service name");
  if (mappings_.size() >= kMaxMappings) return fail(Errc::Limit, "a node has at most 256 doors");
  for (const auto& [id, other] : mappings_)
    if (mapping.listen.port != 0 && other.listen == mapping.listen &&
        (mapping.protocol == Protocol::Udp) == (other.protocol == Protocol::Udp))
      return fail(Errc::Conflict, to_text(mapping.listen) + " already opens " + other.service);
  mapping.id = next_id_++;
  const auto at = mappings_.emplace(mapping.id, std::move(mapping)).first;
  return Change{at->second, row_of(at->second, false)};
}

Result<MappingTable::Change> MappingTable::set_listen(std::uint64_t id, const Endpoint& listen) {
  const auto found = mappings_.find(id);
  if (found == mappings_.end()) return fail(Errc::NotFound, "no such door");
  found->second.listen = listen;
  return Change{found->second, row_of(found->second, false)};
}

Result<MappingTable::Change> MappingTable::pin(std::uint64_t id, const NodeId& node) {
  const auto found = mappings_.find(id);
  if (found == mappings_.end()) return fail(Errc::NotFound, "no such door");
  if (found->second.node) return fail(Errc::Conflict, "the door has a node");
  found->second.node = node;
  return Change{found->second, row_of(found->second, false)};
}

Result<MappingTable::Change> MappingTable::remove(std::uint64_t id) {
  const auto found = mappings_.find(id);
  if (found == mappings_.end()) return fail(Errc::NotFound, "no such door");
  Change change{found->second, row_of(found->second, true)};
  mappings_.erase(found);
  return change;
}

const Mapping* MappingTable::find(std::uint64_t id) const {
  const auto found = mappings_.find(id);
  return found == mappings_.end() ? nullptr : &found->second;
}

std::vector<Mapping> MappingTable::list() const {
  std::vector<Mapping> out;
  out.reserve(mappings_.size());
  for (const auto& [id, mapping] : mappings_) out.push_back(mapping);
  return out;
}

Result<void> MappingTable::load(const Row& row) {
  if (row.table != Table::Mapping || row.network != network_ || !row.value) return {};
  WEFT_TRY(auto mapping, Mapping::decode(*row.value));
  if (row.key != key_of(mapping.id)) return fail(Errc::Malformed, "door under another id");
  if (mapping.id >= UINT64_MAX) return fail(Errc::Malformed, "stored door's id");
  next_id_ = std::max(next_id_, mapping.id + 1);
  mappings_.insert_or_assign(mapping.id, std::move(mapping));
  return {};
}

std::optional<Row> MappingTable::row_of(const Mapping& mapping, bool gone) const {
  if (mapping.once) return std::nullopt;
  Row row{Table::Mapping, network_, key_of(mapping.id), std::nullopt};
  if (!gone) row.value = mapping.encode();
  return row;
}

}  // namespace weft::service
