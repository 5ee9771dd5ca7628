// Doors to other nodes' services and pipes to them: opened by a command, by the configuration, or
// kept from before.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/api/modules/doors.hpp"
#include "node/api/modules/pipe.hpp"
#include "node/api/modules/wait.hpp"
#include "node/control_commands.hpp"
#include "node/gateway.hpp"

namespace weft::node {

class DoorsControl final : public api::Doors, public api::Pipes {
 public:
  DoorsControl(overlay::Overlay& overlay, Gateway& gateway, Commands& commands);

  void restore();  // doors that were there before a restart
  // Why a door has no listener; empty: it has one.
  [[nodiscard]] std::string why_shut(std::uint64_t mapping) const {
    const auto shut = shut_doors_.find(mapping);
    return shut == shut_doors_.end() ? std::string() : shut->second;
  }
  void retry();  // what restore() could not do: a port that was taken, an address that comes later
  void attention(std::vector<std::string>& out) const;  // sentences for status

  void open(api::OpenRequest request, api::Done<api::OpenResult> done) override;
  // Who waits for a way to a node: set once, before anything is opened.
  std::function<void(api::WaitRequest, api::Done<api::WaitResult>)> wait;
  // The same, asking nobody what it offers now.
  void open_known(const api::OpenRequest& request, api::Done<api::OpenResult> done);
  void mappings(api::Done<api::MappingsResult> done) override;
  void close(api::CloseRequest request, api::Done<api::CloseResult> done) override;
  void pipe(api::PipeRequest request, api::Done<api::PipeResult> done) override;

  [[nodiscard]] api::MappingInfo describe(const service::Mapping& mapping) const;
  [[nodiscard]] bool has_door_to(const std::string& service, const std::string& node,
                                 const std::optional<Endpoint>& listen) const;
  [[nodiscard]] bool offered(const std::string& service, const std::string& node) const;

 private:
  void open_kept(const service::Mapping& mapping);
  [[nodiscard]] std::optional<service::Mapping> open_door(const service::Mapping& wanted,
                                                          bool same_listen) const;
  [[nodiscard]] api::OpenResult describe_open(const service::Mapping& mapping, bool existing) const;
  // The node refuses, or so it seems: asked, it tells why.
  // True: there is a direct way to it, or none is asked for; else it is waited for, and opened then.
  bool direct_or_wait(const NodeId& node, const api::OpenRequest& request,
                      const api::Done<api::OpenResult>& done);
  void ask_why(const service::Mapping& mapping, const api::OpenRequest& request,
               const api::Done<api::OpenResult>& done);
  void fill_path(const std::string& service, const std::optional<NodeId>& node,
                 api::OpenResult& result) const;
  // What clients of a door to it speak: datagrams or bytes; unless somebody said, as it is offered.
  [[nodiscard]] service::Protocol door_protocol(const std::string& said, const std::string& service,
                                                const NodeId& node) const;
  // Bytes of the largest datagram that goes in one packet now; none: no session.
  [[nodiscard]] std::optional<std::size_t> largest_datagram(
      const std::optional<NodeId>& node) const;
  [[nodiscard]] Endpoint first_listen(const api::OpenRequest& request, const NodeId& node) const;
  [[nodiscard]] std::unexpected<api::ApiError> open_own(const api::OpenRequest& request) const;
  // Calls `then` when `node` (empty: every peer) was heard, or did not answer in time.
  void after_news(const std::string& node, const std::function<void()>& then);
  void hear(const NodeId& node, bool again, const std::function<void()>& then);
  void pipe_known(const api::PipeRequest& request, const api::Done<api::PipeResult>& done);
  // A mapping made and its door bound, or neither.
  void make_mapping(service::Mapping mapping, adapter::IfTaken taken,
                    api::Done<api::OpenResult> done);
  // What would let this node in, by the rule that refused it.
  [[nodiscard]] std::string fix_for(const Gateway::Refusal& refusal, const std::string& service,
                                    const std::string& node) const;

  overlay::Overlay& overlay_;
  Gateway& gateway_;
  Commands& commands_;
  std::map<std::uint64_t, std::string> shut_doors_;  // mappings that have no listener, and why
};

}  // namespace weft::node
