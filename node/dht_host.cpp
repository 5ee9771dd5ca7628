#include "node/dht_host.hpp"

#include <chrono>

#include "dht/routing_table.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

namespace {

constexpr const char* kNobodyFix = "see weft status: is a peer up?";

api::DhtResult result_of(const discovery::Found& found) {
  api::DhtResult out;
  out.key = to_hex(found.key.view());
  out.value = found.value;
  out.seq = found.sequence;
  for (const auto& node : found.nodes)
    out.nodes.push_back({to_text(node.id), to_text(node.endpoint)});
  for (const auto& endpoint : found.endpoints) out.endpoints.push_back(to_text(endpoint));
  for (const auto& provider : found.providers) out.providers.push_back(to_text(provider));
  out.stored = found.stored;
  out.agreed = found.agreed;
  out.hops = found.hops;
  out.messages = found.messages;
  out.took_ms = std::chrono::duration<double, std::milli>(found.took).count();
  return out;
}

api::Code code_of(Errc code) {
  const bool missing = code == Errc::NotFound || code == Errc::Usage;
  return missing ? api::Code::NotFound : api::Code::Failed;
}

std::string fix_of(const discovery::Unanswered& unanswered) {
  if (unanswered.code == Errc::Usage)
    return "give a node's name or id, service:NAME, or what weft dht put printed";
  return unanswered.alone ? kNobodyFix : "";
}

}  // namespace

DhtHost::DhtHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                 std::function<void(events::Body)> record)
    : overlay_(overlay),
      driver_(driver),
      lan_(
          loop,
          [this](ByteView datagram, const Endpoint& from) {
            overlay_.hear_beacon(io::monotonic_time(), datagram, from);
            driver_.wake();
          },
          [record = std::move(record)](IpFamily family, std::size_t left_out, std::size_t joined) {
            record(events::LanLeftOut{family == IpFamily::V4 ? "IPv4" : "IPv6", left_out, joined});
          }) {}

bool DhtHost::handle(const overlay::OverlayEvent& event) {
  if (const auto* beacon = std::get_if<overlay::BeaconReady>(&event))
    lan_.send(beacon->beacon);
  else if (const auto* told = std::get_if<overlay::DhtAnswer>(&event))
    answer(*told);
  else
    return false;
  return true;
}

api::DhtStats DhtHost::stats() const {
  api::DhtStats out;
  const overlay::Mail* mail = overlay_.mail();
  if (mail == nullptr) return out;
  const dht::Dht& dht = mail->discovery().dht();
  const auto& counters = dht.counters();
  const auto& post = mail->office().counters();
  const auto& lan = mail->discovery().lan();
  out.running = true;
  out.contacts = dht.table_size();
  out.buckets = dht.table().bucket_count();
  out.records = dht.record_count();
  out.mode = dht.full_table() ? "full-table" : "iterative";
  out.server = dht.is_server();
  out.known = dht.directory_size();
  out.estimate = dht.network_size();
  out.found = mail->discovery().counters().found;
  out.lan_heard = lan.heard;
  out.datagrams_in = post.datagrams_in;
  out.datagrams_out = post.datagrams_out;
  out.bytes_in = post.bytes_in;
  out.bytes_out = post.bytes_out;
  out.dropped = post.not_opened + post.unproven + post.no_channel + post.malformed +
                post.queue_full + post.forward_limited + counters.malformed +
                counters.rate_limited + counters.stray_replies + counters.unproven +
                counters.bad_records + counters.dropped + lan.stale;
  return out;
}

DhtHost::Counters DhtHost::counters() const {
  const overlay::Mail* mail = overlay_.mail();
  if (mail == nullptr) return {};
  return {mail->discovery().dht().counters(), mail->office().counters(), mail->sealer().counters()};
}

void DhtHost::run(api::DhtRequest request, api::Done<api::DhtResult> done) {
  using Action = api::DhtRequest::Action;
  discovery::Question question;
  question.action = request.action == Action::Put      ? discovery::Question::Action::Put
                    : request.action == Action::Lookup ? discovery::Question::Action::Lookup
                                                       : discovery::Question::Action::Get;
  if (const auto member = overlay_.find_node(request.key)) question.member = *member;
  question.key = std::move(request.key);
  question.value = std::move(request.value);
  question.salt = std::move(request.salt);
  question.ttl_s = request.ttl_s;
  const auto id = overlay_.ask_dht(io::monotonic_time(), std::move(question));
  const auto network = overlay_.network();
  if (!id || !network) return done(api::refuse(api::Code::Failed, "the DHT is not running yet"));
  asked_.emplace(Asked{*network, *id}, std::move(done));
  driver_.wake();
}

void DhtHost::answer(const overlay::DhtAnswer& told) {
  const discovery::Answer& e = told.answer;
  auto asked = asked_.extract(Asked{told.network, e.id});
  if (asked.empty()) return;
  if (e.found) return asked.mapped()(result_of(*e.found));
  asked.mapped()(api::refuse(code_of(e.unanswered.code), e.unanswered.what, e.unanswered.why,
                             fix_of(e.unanswered)));
}

}  // namespace weft::node
