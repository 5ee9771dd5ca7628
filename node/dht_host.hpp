// The LAN and people's questions to the DHT, at the edge: the multicast sockets behind Overlay's
// beacons, and the API's words for what discovery answers. Nothing is decided here.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "node/api/modules/dht.hpp"
#include "node/driver.hpp"
#include "node/events/kinds.hpp"
#include "node/lan_socket.hpp"
#include "overlay/mail/mail.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class DhtHost {
 public:
  // `record` takes what happened.
  DhtHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
          std::function<void(events::Body)> record);

  // True: the event was for this.
  bool handle(const overlay::OverlayEvent& event);
  [[nodiscard]] api::DhtStats stats() const;
  struct Counters {
    dht::DhtCounters dht;
    post::PostCounters post;
    post::SealerCounters sealer;
  };
  [[nodiscard]] Counters counters() const;
  void run(api::DhtRequest request, api::Done<api::DhtResult> done);

 private:
  using Asked = std::pair<NetworkId, discovery::QuestionId>;
  void answer(const overlay::DhtAnswer& told);

  overlay::Overlay& overlay_;
  Driver& driver_;
  LanSocket lan_;
  std::map<Asked, api::Done<api::DhtResult>> asked_;
};

}  // namespace weft::node
