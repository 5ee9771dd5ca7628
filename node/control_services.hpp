// The giving side of services, and what others offer: who may use what this node exposes, whether
// its targets answer, and what is to be said about it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "node/api/modules/exposed.hpp"
#include "node/api/modules/services.hpp"
#include "node/api/modules/status.hpp"
#include "node/control_commands.hpp"
#include "node/gateway.hpp"

namespace weft::node {

class ServicesControl final : public api::Exposed, public api::Services {
 public:
  ServicesControl(overlay::Overlay& overlay, Gateway& gateway, Commands& commands);

  // `wish`: who wants it. Answered once its target was tried.
  void expose_as(overlay::Wish wish, const api::ExposeRequest& request,
                 const api::Done<api::ExposeResult>& done);
  void fill(api::StatusResult& out) const;  // what is exposed, and what needs attention there

  void expose(api::ExposeRequest request, api::Done<api::ExposeResult> done) override;
  void unexpose(api::UnexposeRequest request, api::Done<api::AccessResult> done) override;
  void allow(api::AccessRequest request, api::Done<api::AccessResult> done) override;
  void deny(api::AccessRequest request, api::Done<api::AccessResult> done) override;
  void reset(api::AccessRequest request, api::Done<api::AccessResult> done) override;
  void services(api::Done<api::ServicesResult> done) override;

 private:
  enum class Change { Allow, Deny, Reset };
  void change_access(const api::AccessRequest& request, Change change,
                     const api::Done<api::AccessResult>& done);
  void answer_exposed(const std::string& service);  // its target was tried

  overlay::Overlay& overlay_;
  Gateway& gateway_;
  Commands& commands_;
  using Named = std::pair<NetworkId, std::string>;
  [[nodiscard]] Named here(const std::string& service) const {
    return {overlay_.network().value_or(NetworkId{}), service};
  }
  std::multimap<Named, std::function<void()>> exposed_;  // answered once the target was tried
};

}  // namespace weft::node
