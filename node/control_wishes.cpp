#include "node/control_wishes.hpp"

#include <algorithm>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

namespace {

constexpr Duration kRipePause = 100ms;  // doors that wait are looked at so often at most

}  // namespace

Wishes::Wishes(io::EventLoop& loop, overlay::Overlay& overlay, ServicesControl& services,
               DoorsControl& doors, events::Recorder& recorder)
    : overlay_(overlay),
      services_(services),
      doors_(doors),
      recorder_(recorder),
      ripe_timer_(loop, [this] { retry_ripe(); }),
      subscription_(recorder.subscribe([this](const events::NodeEvent&) {
        if (!unmet_.empty()) ripe_timer_.arm(std::max(next_ripe_, io::monotonic_time()));
      })) {}

void Wishes::met_or_not(const std::string& what, const std::string& service,
                        const api::ApiError* error, std::function<void()> again) {
  const auto key = unmet_key(what, service);
  if (error == nullptr) {
    unmet_.erase(key);
    return;
  }
  const auto trouble = error->title + (error->detail.empty() ? "" : ": " + error->detail);
  auto& unmet = unmet_[key];
  if (unmet.trouble != trouble)
    recorder_.record(events::ConfigFailed{what, service, trouble}, overlay_.network_name());
  unmet = {trouble, std::move(again), {}};
}

void Wishes::retry_ripe() {
  if (unmet_.empty()) return;
  const Instant now = io::monotonic_time();
  next_ripe_ = now + kRipePause;
  std::vector<std::function<void()>> again;
  for (auto& [what, unmet] : unmet_) {
    if (!unmet.ripe || !unmet.ripe()) continue;
    unmet.ripe = {};  // once: two of one door must not be under way
    again.push_back(unmet.again);
  }
  for (const auto& attempt : again) attempt();
}

void Wishes::apply_expose(const std::string& name, const std::string& target,
                          const std::string& protocol, const std::vector<std::string>& allow,
                          bool direct_only) {
  api::ExposeRequest request;
  request.name = name;
  request.target = target;
  request.protocol = protocol;
  request.allow = allow;
  request.direct_only = direct_only;
  services_.expose_as(overlay::Wish::Configuration, request,
                      [=, this](const api::ApiResult<api::ExposeResult>& result) {
                        met_or_not("expose", name, result ? nullptr : &result.error(), [=, this] {
                          apply_expose(name, target, protocol, allow, direct_only);
                        });
                      });
}

void Wishes::apply_open(const std::string& service, const std::string& node,
                        const std::optional<Endpoint>& listen) {
  api::OpenRequest request;
  request.service = service;
  request.node = node;
  request.listen = listen;
  const auto what = service + (node.empty() ? "" : "@" + node) +
                    (listen ? " at " + to_text(*listen) : std::string());
  const auto note = [=, this](const api::ApiError* error) {
    met_or_not("open", what, error, [=, this] { apply_open(service, node, listen); });
    if (error != nullptr && !doors_.offered(service, node))
      unmet_.at(unmet_key("open", what)).ripe = [=, this] { return doors_.offered(service, node); };
  };
  if (doors_.has_door_to(service, node, listen)) return note(nullptr);
  // Of a node that is away the service's own port is not known: a door made now would keep another.
  if (const auto id = overlay_.find_node(node); id && !listen && !doors_.offered(service, node)) {
    const auto view = peer_of(overlay_, *id);
    const api::ApiError error{api::Code::NoPath,
                              node + " has not been heard yet",
                              "the port of its service is not known until then",
                              {}};
    if (view && !view->session) return note(&error);
  }
  // Asking nobody: what is not known yet is tried again, and two of one door must not be under way.
  doors_.open_known(request, [note](const api::ApiResult<api::OpenResult>& result) {
    note(result ? nullptr : &result.error());
  });
}

void Wishes::retry() {
  std::vector<std::function<void()>> again;
  for (const auto& [what, unmet] : unmet_) again.push_back(unmet.again);
  for (const auto& attempt : again) attempt();
}

void Wishes::attention(std::vector<std::string>& out) const {
  for (const auto& [what, unmet] : unmet_)
    out.push_back("cannot do what the configuration asks, will try again: " + what + ": " +
                  unmet.trouble);
}

}  // namespace weft::node
