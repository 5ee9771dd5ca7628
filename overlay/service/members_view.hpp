// What services, doors and streams may ask about the members of their network: a const query,
// handed in by reference. The network answers from its roster and its sessions; a test by hand.
#pragma once

#include <optional>
#include <string>

#include "base/endpoint.hpp"
#include "base/trust_view.hpp"

namespace weft::service {

class MembersView {
 public:
  virtual ~MembersView() = default;
  [[nodiscard]] virtual const TrustView& trust() const = 0;
  [[nodiscard]] virtual NodeId self() const = 0;
  // Its name, else its short id: what people read.
  [[nodiscard]] virtual std::string label(const NodeId& node) const = 0;
  // By name, id, or the beginning of an id that no other member shares.
  [[nodiscard]] virtual Result<NodeId> find(const std::string& who) const = 0;
  [[nodiscard]] virtual bool is_member(const NodeId& node) const = 0;
  [[nodiscard]] virtual bool may_expose(const NodeId& node) const = 0;
  // Whose node it is; two nodes of one owner may replace each other. Nothing: no member.
  [[nodiscard]] virtual std::optional<IdentityKey> owner(const NodeId& node) const = 0;
  // The session to open streams to it on; nothing: none is up.
  [[nodiscard]] virtual std::optional<std::uint64_t> session(const NodeId& node) const = 0;
  // No third node stands between.
  [[nodiscard]] virtual bool is_direct(std::uint64_t session) const = 0;
  // Where the far end of a session is; nothing if a third one stands between, whose place it is.
  [[nodiscard]] virtual std::optional<Endpoint> place(std::uint64_t session) const = 0;
  // Round trip of the session with it; nothing: there is none.
  [[nodiscard]] virtual std::optional<Duration> distance(const NodeId& node) const = 0;
  // A whole round of dialling has failed since it last spoke.
  [[nodiscard]] virtual bool is_away(const NodeId& node) const = 0;
};

}  // namespace weft::service
