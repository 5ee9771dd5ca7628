#include "node/control_plane.hpp"

#include <algorithm>
#include <memory>

#include <spdlog/spdlog.h>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "node/local_addresses.hpp"
#include "node/version.hpp"

namespace weft::node {

ControlPlane::ControlPlane(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                           Gateway& gateway)
    : loop_(loop),
      overlay_(overlay),
      driver_(driver),
      gateway_(gateway),
      started_(io::monotonic_time()),
      wait_timer_(loop, [this] { check_waits(); }) {
  gateway_.on_probed = [this](const std::string& service) { answer_exposed(service); };
  gateway_.on_once_used = [this](std::uint64_t mapping) {
    track(overlay_.remove_mapping(io::monotonic_time(), mapping), [](const auto&) {});
  };
}

void ControlPlane::track(overlay::CommandId id, Finish finish) {
  commands_.emplace(id, std::move(finish));
  driver_.wake();
}

void ControlPlane::on_command_done(const overlay::CommandDone& done) {
  auto node = commands_.extract(done.id);
  refusal_ = done.refusal;
  if (!node.empty()) node.mapped()(done.result);
}

std::optional<overlay::PeerView> ControlPlane::peer(const NodeId& node) const {
  for (auto& view : overlay_.peers())
    if (view.id == node) return view;
  return std::nullopt;
}

std::string ControlPlane::node_label(const std::optional<NodeId>& node) const {
  if (!node) return {};
  for (const auto& member : overlay_.members())
    if (member.id == *node) return member.name;
  return short_text(*node);
}

void ControlPlane::audit(const std::string& line) { spdlog::info("{}", line); }

// ---- status
// --------------------------------------------------------------------------------------

void ControlPlane::status(api::Done<api::StatusResult> done) {
  api::StatusResult out;
  const auto uptime = io::monotonic_time() - started_;
  out.node = {to_text(overlay_.id()),
              overlay_.name(),
              kVersion,
              std::chrono::duration_cast<std::chrono::seconds>(uptime).count(),
              {},
              {}};
  for (const auto& endpoint : driver_.udp().bound()) out.node.bound.push_back(to_text(endpoint));
  for (const auto& endpoint : local_endpoints(driver_.udp().bound()))
    out.node.listen.push_back(to_text(endpoint));
  out.node.log = log_place;
  out.network = {overlay_.network_name(), overlay_.network() ? to_text(*overlay_.network()) : "",
                 overlay_.role(), overlay_.members().size()};
  for (const auto& view : overlay_.peers()) {
    api::PeerInfo info{
        to_text(view.id), view.name, state_of(view), "none", "", {}, "", "", 0, 0, {}};
    if (view.session) {
      info.path = path_of(overlay_, view.session->path);
      info.endpoint = to_text(view.session->remote);
      info.rtt_ms = milliseconds(view.session->smoothed_rtt);
      info.kex = kKex;
      info.cipher = name_of(view.session->cipher);
      info.tx_bytes = view.session->tx_bytes;
      info.rx_bytes = view.session->rx_bytes;
      using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::seconds;
      info.heard_ms_ago =
          duration_cast<milliseconds>(io::monotonic_time() - view.session->heard).count();
      if (const auto silence = silent_for(view))
        out.attention.push_back(view.name + " answers nothing since " +
                                std::to_string(duration_cast<seconds>(*silence).count()) +
                                " s, although a session with it is open: is the path cut?");
    }
    out.peers.push_back(std::move(info));
  }
  exposed_status(out);
  for (const auto& mapping : overlay_.mappings()) out.mappings.push_back(describe(mapping));
  for (const auto& mapping : overlay_.mappings())
    if (const auto shut = shut_doors_.find(mapping.id); shut != shut_doors_.end())
      out.attention.push_back("door " + std::to_string(mapping.id) + " to " + mapping.service +
                              " cannot be opened, will try again: " + shut->second);
  doors_attention(out);
  for (const auto& [what, unmet] : unmet_)
    out.attention.push_back("cannot do what the configuration asks, will try again: " + what +
                            ": " + unmet.trouble);
  gso_status(out);
  if (machine_troubles)
    for (auto& trouble : machine_troubles()) out.attention.push_back(std::move(trouble));
  for (const auto& crowd : gateway_.crowds()) out.attention.push_back(crowd_text(crowd));
  for (auto& line : overlay_.attention(io::monotonic_time()))
    out.attention.push_back(std::move(line));
  if (dht_ != nullptr) out.dht = dht_->stats();
  note_roles(out.attention);
  for (auto& line : overlay_.roster_attention(io::monotonic_time()))
    out.attention.push_back(std::move(line));
  if (const auto trouble = overlay_.store_trouble())
    out.attention.push_back("changes cannot be saved: " + trouble->why +
                            (trouble->waiting == 0
                                 ? std::string()
                                 : "; in force but not saved, lost by a restart, tried again: " +
                                       std::to_string(trouble->waiting)));
  done(std::move(out));
}

void ControlPlane::gso_status(api::StatusResult& out) const {
  const auto& gso = overlay_.paths().gso();
  out.gso = path::name_of(gso.setting());
  for (const auto& off : gso.off()) {
    const std::string where = address_text(off.local);
    const Duration left = std::max<Duration>(off.until - io::monotonic_time(), 0s);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    out.gso_off.push_back({where, seconds});
    out.attention.push_back(gso_off_text(where) + "; in " + std::to_string(seconds / 60 + 1) +
                            " minutes that is tried again. For good: [net] gso = \"off\"");
  }
}

std::string ControlPlane::crowd_text(const ConnectionShares::Crowd& crowd) const {
  const auto held = std::to_string(crowd.held) + " connections";
  if (crowd.holder)
    return node_label(crowd.holder) + " holds " + held +
           ", a quarter of what others leave and all that one member may: " +
           std::to_string(crowd.refused) + " more were refused. To end it: weft deny SERVICE " +
           node_label(crowd.holder);
  return "programs of this machine hold " + held +
         " through doors and pipes, half of what others leave and all that they may: " +
         std::to_string(crowd.refused) +
         " more were refused. For more raise the limit of open files (ulimit -Hn, LimitNOFILE= of "
         "a unit)";
}

api::MappingInfo ControlPlane::describe(const service::Mapping& mapping) const {
  const auto traffic = gateway_.traffic(mapping.id);
  api::MappingInfo info{std::to_string(mapping.id), mapping.service, node_label(mapping.node),
                        to_text(mapping.listen),    "tcp",           traffic.connections,
                        traffic.tx_bytes,           traffic.rx_bytes};
  info.reach = reach_of(mapping.listen);
  if (const auto view = mapping.node ? peer(*mapping.node) : std::nullopt)
    info.state = state_of(*view);
  info.any = mapping.any;
  for (const auto& node : mapping.also) info.also.push_back(node_label(node));
  return info;
}

void ControlPlane::shutdown(api::Done<api::ShutdownResult> done) {
  done(api::ShutdownResult{});
  if (on_shutdown) on_shutdown();
}

void ControlPlane::backup(api::BackupRequest request, api::Done<api::BackupResult> done) {
  if (on_backup) on_backup(request.file, std::move(done));
}

bool ControlPlane::holds(const api::WaitRequest& request) const {
  using What = api::WaitRequest::What;
  if (request.what == What::Ready) return true;
  if (request.what == What::Service) {
    const auto ref = service::parse_service_ref(request.subject);
    if (!ref) return false;
    const auto node = overlay_.find_node(ref->node);
    return std::ranges::any_of(overlay_.services(), [&](const overlay::ServiceView& s) {
      return s.healthy && s.name == ref->service &&
             (ref->node.empty() || (node && s.node_id == *node));
    });
  }
  const auto node = overlay_.find_node(request.subject);
  if (!node) return false;
  const auto view = peer(*node);
  if (!view || !view->session || silent_for(*view)) return false;
  return request.what != What::Direct ||
         path::is_direct(overlay_.paths().at(view->session->path).kind);
}

void ControlPlane::wait(api::WaitRequest request, api::Done<api::WaitResult> done) {
  const Instant now = io::monotonic_time();
  waits_.push_back({request, std::move(done), now, now + request.timeout});
  check_waits();
}

void ControlPlane::check_waits() {
  if (waits_.empty()) return;
  const Instant now = io::monotonic_time();
  std::vector<Wait> ended;
  std::erase_if(waits_, [&](Wait& wait) {
    const bool gone = wait.request.wanted && !*wait.request.wanted;
    if (!gone && !holds(wait.request) && wait.deadline > now) return false;
    ended.push_back(std::move(wait));
    return true;
  });
  for (auto& wait : ended) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - wait.since);
    static constexpr const char* kNames[] = {"ready", "node:", "service:", "direct:", "path:"};
    const std::string condition =
        kNames[static_cast<std::size_t>(wait.request.what)] + wait.request.subject;
    if (holds(wait.request))
      wait.done(api::WaitResult{condition, waited.count()});
    else
      wait.done(api::refuse(api::Code::Timeout, "timed out waiting for " + condition,
                            "waited " + std::to_string(waited.count()) + " ms",
                            "look at weft status, or wait longer with --timeout"));
  }
  if (waits_.empty()) return;
  const auto next = std::ranges::min_element(waits_, {}, &Wait::deadline);
  wait_timer_.arm(next->deadline);
}

// ---- probes
// --------------------------------------------------------------------------------------

void ControlPlane::ping(api::PingRequest request, api::Done<api::PingResult> done) {
  const auto node = overlay_.find_node(request.node);
  track(overlay_.ping(io::monotonic_time(), request.node, request.timeout),
        [this, done, request, node](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(
                result, "no answer from " + request.node,
                result.error().code == Errc::NotFound ? "see weft members" : "see weft status"));
          const auto& outcome = std::get<overlay::PingOutcome>(*result);
          const bool self = node && *node == overlay_.id();
          done(api::PingResult{request.node, node ? to_text(*node) : "", request.seq,
                               milliseconds(outcome.rtt),
                               self ? "local" : path_of(overlay_, outcome.path)});
        });
}

}  // namespace weft::node
