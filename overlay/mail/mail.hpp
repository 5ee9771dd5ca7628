// Post and discovery of one network, seated in the switchboard: the post office with its key cache,
// the DHT and the LAN behind it, and the views of members that both ask. What is decided lies in
// overlay/post and overlay/discovery; this translates.
//
//   datagram 0x04 -> post office -> channel 1: discovery (DHT)
//                                   others: SealedIn, for the part that claims the channel
//   Seal of a part -> post office -> Transmit
//   discovery -> Learned (a member said where it is), Heard (a hint of the LAN), SeenAt (where
//                others see us), Store (peers kept), events for the daemon (beacons to multicast,
//                answers to people, mode)
#pragma once

#include <optional>
#include <tuple>

#include "overlay/credential/credential.hpp"
#include "overlay/discovery/discovery.hpp"
#include "overlay/part.hpp"
#include "overlay/path/path_table.hpp"
#include "overlay/post/post_office.hpp"
#include "overlay/service/registry.hpp"

namespace weft::overlay {

struct MailCounters {
  std::uint64_t unclaimed = 0;
  std::uint64_t too_long = 0;
  std::uint64_t path_full = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("unclaimed", "messages", "for a channel that no part here has",
              &MailCounters::unclaimed),
        field("too_long", "messages", "of parts that do not fit into a datagram",
              &MailCounters::too_long),
        field("path_full", "datagrams", "not sent: their path took nothing at that moment",
              &MailCounters::path_full)};
  }
};
static_assert(lists_all_fields<MailCounters>());

class Mail final : public Part, private post::Members, private discovery::Members {
 public:
  Mail(const Beside& beside, const Credential& credential, const service::Registry& exposed)
      : Part(beside), credential_(credential), exposed_(exposed) {}

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override;
  void handle_session(Instant now, const SessionNews& news) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  void begin(Instant now);  // once, behind the rows and the credential

  // Sealed datagrams of this network. What is not the DHT's is for who claims its channel.
  std::optional<SealedIn> handle_datagram(Instant now, const Datagram& in);
  // What a path cannot take now is dropped, as the net would.
  std::optional<Transmit> poll_transmit(const path::PathTable& paths, MutableByteView out);
  void send(Instant now, const Seal& seal);
  void unclaimed() { ++counters_.unclaimed; }  // a message for a channel that no part has
  post::PostOffice& office() { return *office_; }

  // What this node exposes may have changed: the DHT is told.
  void look_at_services(Instant now);
  void members_changed(Instant now) { discovery_->members_changed(now); }
  void set_addresses(Instant now, const std::vector<Endpoint>& own);
  void others_changed(Instant now) {
    if (discovery_) discovery_->set_carriers(now, beside_.own_others());
  }
  void clock_set();
  void came_back(Instant now);
  // A member says at which address it sees us.
  void observed(Instant now, const NodeId& by, const Endpoint& endpoint);
  void handle_beacon(Instant now, ByteView datagram, const Endpoint& from);
  discovery::QuestionId ask(Instant now, discovery::Question question);
  void end(Instant now);  // the network is left: what was asked is answered so

  [[nodiscard]] const discovery::Discovery& discovery() const { return *discovery_; }
  [[nodiscard]] const post::PostOffice& office() const { return *office_; }
  [[nodiscard]] const post::RealSealer& sealer() const { return *sealer_; }
  [[nodiscard]] const MailCounters& counters() const { return counters_; }

 private:
  // What the post asks.
  [[nodiscard]] std::optional<post::Contact> contact_of(const NodeId& node) const override;
  [[nodiscard]] std::optional<post::Way> session_with(const NodeId& node) const override;
  [[nodiscard]] std::optional<Direct> address_of(Instant now, const NodeId& node) const override;
  [[nodiscard]] std::vector<NodeId> forwarders_to(const NodeId& node) const override;
  // What discovery asks.
  [[nodiscard]] std::size_t sessions_up() const override;
  [[nodiscard]] std::vector<Known> known() const override;
  [[nodiscard]] std::vector<NodeId> sought() const override;

  void drain(Instant now);
  void on(Instant now, const discovery::MemberFound& e);
  void on(Instant now, const discovery::MemberHeard& e);
  void on(Instant now, discovery::SendBeacon& e);
  void on(Instant now, discovery::KeepPeers& e);
  void on(Instant now, discovery::SeenAt& e);
  void on(Instant now, const discovery::Serving& e);
  void on(Instant now, discovery::Answer& e);

  const Credential& credential_;
  const service::Registry& exposed_;
  Bytes kept_;  // peers of the last run, until begin()
  std::uint64_t epoch_ = 0;
  std::uint64_t told_services_ = 0;  // Registry::changes() when the DHT was told
  std::optional<post::RealSealer> sealer_;
  std::optional<post::PostOffice> office_;
  std::optional<discovery::Discovery> discovery_;
  MailCounters counters_;
  mutable std::size_t turn_ = 0;  // of forwarders
};

}  // namespace weft::overlay
