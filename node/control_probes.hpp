// A look at one node or into the DHT: ping, lookup, get, put.
#pragma once

#include "node/api/modules/dht.hpp"
#include "node/api/modules/ping.hpp"
#include "node/control_commands.hpp"
#include "node/dht_host.hpp"

namespace weft::node {

class ProbesControl final : public api::Pings, public api::DhtQuestions {
 public:
  ProbesControl(overlay::Overlay& overlay, Commands& commands)
      : overlay_(overlay), commands_(commands) {}

  DhtHost* host = nullptr;  // of the DHT; null: there is none

  void ping(api::PingRequest request, api::Done<api::PingResult> done) override;
  void dht(api::DhtRequest request, api::Done<api::DhtResult> done) override;
  void dht_stats(api::Done<api::DhtStats> done) override;

 private:
  overlay::Overlay& overlay_;
  Commands& commands_;
};

}  // namespace weft::node
