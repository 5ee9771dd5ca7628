#include "node/control_networks.hpp"

#include <utility>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "overlay/network.hpp"

namespace weft::node {

Result<NetworkId> NetworksControl::named(const std::string& which) const {
  for (const auto& view : overlay_.networks(io::monotonic_time()))
    if (to_text(view.id) == which) return view.id;
  WEFT_TRY(const auto* network, overlay_.find(which));
  return network->id();
}

api::NetworksResult NetworksControl::all() const {
  api::NetworksResult out;
  for (const auto& view : overlay_.networks(io::monotonic_time()))
    out.networks.push_back({view.name, to_text(view.id), view.role, view.node_name, view.members,
                            view.up, view.is_default});
  return out;
}

void NetworksControl::networks(api::Done<api::NetworksResult> done) { done(all()); }

void NetworksControl::create(api::CreateNetworkRequest request,
                             api::Done<api::NetworksResult> done) {
  const auto node = request.node.empty() ? overlay_.name() : request.node;
  commands_.track(overlay_.found_network(io::monotonic_time(), request.name, node),
                  [this, done, name = request.name](const Result<overlay::Outcome>& result) {
                    if (!result)
                      return done(refused(result, "no network " + name + " was made",
                                          result.error().code == Errc::Limit
                                              ? "leave one: weft network leave NETWORK"
                                              : "see weft network list"));
                    done(all());
                  });
}

void NetworksControl::make_default(const std::string& which, api::Done<api::NetworksResult> done) {
  const auto id = named(which);
  if (!id) return done(refused(id, "no network named " + which, "see weft network list"));
  commands_.track(overlay_.set_default(io::monotonic_time(), *id),
                  [this, done](const Result<overlay::Outcome>& result) {
                    if (!result) return done(refused(result, "the default stays as it was"));
                    done(all());
                  });
}

}  // namespace weft::node
