#include "overlay/sync/describe.hpp"

namespace weft::overlay {

namespace {

struct Describe {
  const roster::State& state;

  [[nodiscard]] std::string node(const NodeId& id) const {
    const auto* member = state.member(id);
    return member != nullptr ? member->name : short_text(id);
  }
  std::string operator()(const roster::NodeBody& b) const {
    return "let in or changed " + b.name + ((b.may & roster::kMayAdmin) != 0 ? " (an admin)" : "");
  }
  std::string operator()(const roster::PersonBody& b) const { return "the person " + b.name; }
  std::string operator()(const roster::GroupBody& b) const {
    return (b.add ? "put " : "took ") + node(b.node) + (b.add ? " into " : " out of ") +
           "the group " + b.group;
  }
  std::string operator()(const roster::GrantBody& b) const { return "a grant of " + b.service; }
  std::string operator()(const roster::QuotaBody& b) const { return "a quota of " + node(b.node); }
  std::string operator()(const roster::KeyChangeBody& b) const {
    return "a new key of " + node(b.node);
  }
  std::string operator()(const roster::RemovalBody& b) const {
    return b.person ? "removed a person" : "removed " + node(NodeId{b.target});
  }
  std::string operator()(const roster::CheckpointBody&) const { return "a checkpoint"; }
  std::string operator()(const roster::TopicBody& b) const {
    return "a rule about the topic " + b.topic;
  }
  std::string operator()(const roster::GenesisBody&) const { return "a genesis"; }
  std::string operator()(const roster::UnknownBody&) const {
    return "something of a newer version";
  }
};

}  // namespace

std::string describe(const roster::State& state, const roster::Body& body) {
  return std::visit(Describe{state}, body);
}

std::string signer_name(const roster::State& state, const IdentityKey& key) {
  const auto& persons = state.persons();
  if (const auto person = persons.find(key); person != persons.end())
    return "the person " + person->second.name;
  return Describe{state}.node(node_id_of(key));
}

}  // namespace weft::overlay
