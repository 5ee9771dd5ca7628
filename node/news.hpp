// What the overlay says happened, in the words of node/events: for the log, for who follows the
// events, for who waits. What a command or the roster changed is found by comparing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/change_watch.hpp"
#include "node/events/recorder.hpp"
#include "overlay/overlay.hpp"
#include "overlay/path/path_table.hpp"

namespace weft::node {

class News {
 public:
  News(events::Recorder& recorder, const overlay::Overlay& overlay)
      : recorder_(recorder), overlay_(overlay), changes_(recorder) {}

  void tell(const overlay::OverlayEvent& event);
  void look();  // something may have changed: members, services, doors
  void look(const std::vector<Endpoint>& addresses) { changes_.look(addresses); }
  void tell(const path::GsoGuards::Interface& change);
  // Of that network; nullopt: of the one that is meant.
  void record(events::Body body, const std::optional<NetworkId>& network = {});

 private:
  [[nodiscard]] ChangeWatch::Where here() const;
  void look_for_lost(bool left);
  void on(const overlay::CommandDone& e);
  void on(const overlay::PeerUp& e);
  void on(const overlay::PeerDown& e);
  void on(const overlay::PeerMoved& e);
  void on(const overlay::PeerSilent& e);
  void on(const overlay::ServicesChanged& e);
  void on(const overlay::CallerDenied& e);
  void on(const overlay::AccessAsked& e);
  void on(const overlay::ShareEnded& e);
  void on(const overlay::StoreChanged& e);
  void on(const overlay::RosterChanged& e);
  void on(const overlay::MemberStateChanged& e);
  void on(const overlay::RemovedFromNetwork& e);
  void on(const overlay::DhtMode& e);
  void on(const overlay::SeenElsewhere& e);
  void on(const overlay::Notice& e);
  template <class Other>
  void on(const Other&) {}  // streams and rows: nothing that people wait for

  events::Recorder& recorder_;
  const overlay::Overlay& overlay_;
  ChangeWatch changes_;
  std::map<NetworkId, std::string> networks_;  // at the last look, with their names
};

}  // namespace weft::node
