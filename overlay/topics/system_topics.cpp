#include "overlay/topics/system_topics.hpp"

#include <algorithm>
#include <utility>

#include "overlay/peers/peer_table.hpp"

namespace weft::overlay {

namespace {

using membership::State;

// The numbers that programs of the first design know clients by: 63 bits of the NodeId.
std::uint64_t client_id(const NodeId& node) {
  return read_be<std::uint64_t>(node.view()) & ~(std::uint64_t{1} << 63);
}

// Values are ids, labels and numbers: no character of them needs escaping.
class Object {
 public:
  Object& add(std::string_view name, std::string_view value) {
    key(name) += '"';
    ((text_ += value) += '"');
    return *this;
  }
  Object& add(std::string_view name, std::uint64_t value) {
    key(name) += std::to_string(value);
    return *this;
  }
  [[nodiscard]] std::string text() const { return text_ + "}"; }

 private:
  std::string& key(std::string_view name) {
    text_ += text_.size() > 1 ? ",\"" : "\"";
    return (text_ += name) += "\":";
  }
  std::string text_ = "{";
};

std::string address_text(const Endpoint& endpoint) {
  const auto text = to_text(endpoint);
  return text.substr(0, text.rfind(':'));
}

Object about(UnixTime now, const NodeId& node, std::string_view name) {
  Object out;
  out.add("timestamp", static_cast<std::uint64_t>(std::max<UnixTime>(now, 0)));
  out.add("client_id", client_id(node)).add("node_id", to_text(node)).add("node", name);
  return out;
}

}  // namespace

std::string SystemTopics::name_of(const NodeId& node) const {
  const auto* member = beside_.roster.member(node);
  return member == nullptr ? short_text(node) : member->name;
}

broker::Telling SystemTopics::gone(UnixTime now, const NodeId& node, const std::string& name,
                                   std::string_view reason) const {
  return {"client.offline", about(now, node, name).add("reason", reason).text(), to_text(node),
          "client.online"};
}

SystemTopics::Tellings SystemTopics::member_changed(UnixTime now,
                                                    const MemberStateChanged& changed) {
  Tellings out;
  const NodeId& node = changed.node;
  if (node == beside_.self()) return out;
  const auto name = name_of(node);
  const bool here = changed.state == State::Alive || changed.state == State::Suspect;
  if (here) {
    if (!online_.insert_or_assign(node, name).second) return out;
    auto object = about(now, node, name);
    object.add("incarnation", changed.incarnation);
    const Peer* peer = beside_.peers.find(node);
    if (peer != nullptr && peer->preferred)
      if (const auto info = beside_.sessions.info(*peer->preferred);
          info && info->path == PathId::Udp)
        object.add("ip_address", address_text(info->remote));
    out.push_back({"client.online", object.text(), to_text(node), {}});
    return out;
  }
  if (changed.state == State::Left)
    out.push_back({"node.shutdown", about(now, node, name).text(), {}, {}});
  if (online_.erase(node) > 0)
    out.push_back(gone(now, node, name, changed.state == State::Left ? "left" : "dead"));
  return out;
}

void SystemTopics::compare(UnixTime now, const NodeId& node, const std::string& name,
                           Services services, Tellings& out) {
  auto& before = offered_[node];
  const auto tell = [&](const char* topic, const auto& service, const char* ends) {
    const auto id = service.first + "@" + to_text(node);
    auto object = about(now, node, name);
    object.add("mapping_id", id).add("service", service.first).add("protocol", service.second);
    out.push_back({topic, object.text(), id, ends});
  };
  for (const auto& service : before)
    if (const auto at = services.find(service.first);
        at == services.end() || at->second != service.second)
      tell("mapping.deleted", service, "mapping.created");
  for (const auto& service : services)
    if (const auto at = before.find(service.first);
        at == before.end() || at->second != service.second)
      tell("mapping.created", service, "");
  before = std::move(services);
  if (before.empty()) offered_.erase(node);
}

SystemTopics::Tellings SystemTopics::offered(UnixTime now, const NodeId& node,
                                             const std::vector<service::ServiceLine>& lines) {
  Tellings out;
  Services services;
  for (const auto& line : lines) services.emplace(line.name, line.protocol);
  compare(now, node, name_of(node), std::move(services), out);
  return out;
}

SystemTopics::Tellings SystemTopics::look_at_own(UnixTime now, const service::Registry& registry) {
  Tellings out;
  if (registry.changes() == own_changes_) return out;
  own_changes_ = registry.changes();
  Services services;
  for (const auto& exposure : registry.list())
    services.emplace(exposure.name, std::string(service::name_of(exposure.protocol)));
  compare(now, beside_.self(), name_of(beside_.self()), std::move(services), out);
  return out;
}

SystemTopics::Tellings SystemTopics::look_at_roster(UnixTime now) {
  Tellings out;
  const auto& members = beside_.roster.state().members();
  for (auto at = online_.begin(); at != online_.end();) {
    const auto& [node, name] = *at;
    if (members.contains(node)) {
      ++at;
      continue;
    }
    if (offered_.contains(node)) compare(now, node, name, {}, out);
    out.push_back(gone(now, node, name, "removed"));
    at = online_.erase(at);
  }
  for (auto at = offered_.begin(); at != offered_.end();) {
    const NodeId node = at->first;
    ++at;
    if (!members.contains(node)) compare(now, node, short_text(node), {}, out);
  }
  return out;
}

}  // namespace weft::overlay
