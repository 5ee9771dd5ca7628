// A trust view made by hand, for tests of who may open what.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/trust_view.hpp"

namespace weft::service {

class FakeTrust final : public TrustView {
 public:
  NetworkId network{{7}};
  std::map<NodeId, std::string> names;  // the members
  std::set<NodeId> removed;
  std::set<std::pair<std::string, NodeId>> groups;

  Verdict verdict(const NetworkId& id, const NodeId& node, UnixTime) const override {
    if (id != network) return Verdict::Unknown;
    if (names.contains(node)) return Verdict::Member;
    return removed.contains(node) ? Verdict::Removed : Verdict::Unknown;
  }
  std::uint64_t epoch_floor(const NetworkId&, const NodeId&) const override { return 0; }
  std::optional<std::string> name_of(const NetworkId&, const NodeId& node) const override {
    const auto found = names.find(node);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<NodeId> node_named(const NetworkId&, const std::string& name) const override {
    for (const auto& [id, other] : names)
      if (other == name) return id;
    return std::nullopt;
  }
  bool in_group(const NetworkId& id, const NodeId& node, const std::string& group) const override {
    return id == network && groups.contains({group, node});
  }
};

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? static_cast<Errc>(-1) : result.error().code;
}

}  // namespace weft::service
