#include "node/daemon.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <iostream>

#include <malloc.h>

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "base/label.hpp"
#include "base/text.hpp"
#include "node/address_watch.hpp"
#include "node/api/http_server.hpp"
#include "node/api/json.hpp"
#include "node/configured_peers.hpp"
#include "node/control_answers.hpp"
#include "node/control_metrics.hpp"
#include "node/control_plane.hpp"
#include "node/dht_host.hpp"
#include "node/events/recorder.hpp"
#include "node/failure_text.hpp"
#include "node/host_name.hpp"
#include "node/io/clock.hpp"
#include "node/io/descriptors.hpp"
#include "node/io/event_loop_asio.hpp"
#include "node/io/secure_rng.hpp"
#include "node/io/thread.hpp"
#include "node/listen_addresses.hpp"
#include "node/listening.hpp"
#include "node/local_addresses.hpp"
#include "node/log/log.hpp"
#include "node/mapped_port.hpp"
#include "node/metrics/server.hpp"
#include "node/news.hpp"
#include "node/overlay_port.hpp"
#include "node/relay_amounts.hpp"
#include "node/set_aside.hpp"
#include "node/store/backup.hpp"
#include "node/systemd.hpp"
#include "node/version.hpp"

namespace weft::node {

namespace {

constexpr Duration kSlept = 60s;        // so long, and others may have forgotten us
constexpr Duration kLookAround = 10s;   // clocks are set; addresses the kernel did not tell of
constexpr Duration kLastWords = 300ms;  // time for closing packets and the API's last answer
// Each has a roster, links and a DHT of its own, and a beacon on the LAN every half minute.
constexpr std::size_t kMostNetworks = 8;
constexpr std::string_view kNatsKey = "nats_listen";  // of weft broker listen

static_assert(kMostListenAddresses == carriers::Carriers::kMostSockets);

std::string listen_fix(Errc code) {
  if (code == Errc::Busy) return "`ss -lntup` tells who listens there; end it or take another port";
  return code == Errc::Denied ? "ports below 1024 are root's: take a higher one" : kListenFix;
}

void write_to_log(events::Level level, const std::string& line) {
  constexpr std::array kLevels{spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels[static_cast<std::size_t>(level)], "{}", line);
}

std::uint64_t run_number() {
  const auto since = io::system_time().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

class Daemon final : public OverlayListener {
 public:
  explicit Daemon(const RunOptions& options) : options_(options) {}
  int run();
  // The node left its network: its home is set aside, and another begins in its place.
  [[nodiscard]] bool left() const { return left_; }
  // What the one after it takes over: the port that firewalls know, the name.
  void take_over(const Daemon& before) {
    listening_ = before.listening_;
    if (options_.name.empty() && options_.config.name.empty()) options_.name = before.last_name_;
  }

 private:
  [[nodiscard]] const std::string& wanted_name() const {
    return options_.name.empty() ? options_.config.name : options_.name;
  }
  Result<void> open_store();
  Result<void> load_overlay();
  Result<void> keep(std::string_view key, std::optional<Bytes> value);
  Result<void> open_sockets();
  Result<void> start_api();
  Result<void> start_metrics();
  void restart_metrics();
  Result<void> start_log();
  void apply_wishes();
  [[nodiscard]] std::vector<std::string> machine_troubles() const;
  void on_signal(int number);
  void reload();
  Result<void> start_api_at(const std::filesystem::path& socket);
  void back_up(const std::string& file, const api::Done<api::BackupResult>& done);
  void keep_api();
  int explain(const Error& error, const std::string& what, const std::string& fix = {}) const;
  void say_ready();
  void say_other_name();
  void on_overlay_event(overlay::OverlayEvent& event) override;
  void on_drained() override;
  void look_around();
  void end();

  RunOptions options_;
  log::Log log_;  // before all that writes to it
  events::Recorder events_{
      run_number(),
      [] { return events::Recorder::Moment{io::monotonic_time(), io::system_time()}; },
      write_to_log};
  io::SecureRng rng_;
  io::EventLoop loop_;
  std::vector<Row> stored_;
  Listening listening_;
  std::string kept_nats_;
  std::string last_name_;  // as a member
  Duration suspended_ = io::time_suspended();
  std::shared_ptr<store::HomeLock> lock_;
  ByteArray<32> identity_{};
  ByteArray<32> person_{};
  std::unique_ptr<store::Writer> writer_;
  std::unique_ptr<overlay::Overlay> overlay_;
  std::unique_ptr<News> news_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<OverlayPort> port_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<DhtHost> dht_;
  std::unique_ptr<ControlPlane> control_;
  std::unique_ptr<MetricsControl> metrics_;
  std::unique_ptr<DoctorControl> doctor_;
  std::unique_ptr<api::HttpServer> api_;
  std::unique_ptr<metrics::Server> metrics_server_;
  std::unique_ptr<io::Timer> look_timer_;
  std::unique_ptr<AddressWatch> address_watch_;
  std::unique_ptr<MappedPort> mapped_port_;
  std::unique_ptr<io::Timer> end_timer_;
  std::string no_resolver_;  // why there is none
  bool ending_ = false;
  bool left_ = false;
};

Result<void> Daemon::open_store() {
  std::vector<std::string> remarks;
  WEFT_CHECK(create_directories(options_.paths, &remarks));
  for (const auto& remark : remarks) events_.record(events::DirectoryRepaired{remark});
  WEFT_TRY(lock_, store::HomeLock::take(options_.paths.state_dir));
  WEFT_CHECK(finish_setting_aside(options_.paths));
  for (const auto& path : clear_set_aside(options_.paths, std::time(nullptr)))
    events_.record(events::SetAsideRemoved{path.string()});
  WEFT_TRY(auto home,
           store::open_home({options_.paths.data_dir, options_.paths.state_dir}, rng_, lock_));
  identity_ = home.identity;
  person_ = home.person;
  if (!home.store->remark().empty())
    events_.record(events::StoreRemark{std::string(home.store->remark())});
  for (const auto& info : kTables) {
    WEFT_TRY(auto rows, home.store->load(info.table));
    for (auto& row : rows) {
      listening_.load(row);
      if (row.table == Table::Setting && text_of(row.key) == kNatsKey && row.value)
        kept_nats_ = text_of(*row.value);
      stored_.push_back(std::move(row));
    }
  }
  try {
    writer_ = std::make_unique<store::Writer>(std::move(home.store));
  } catch (const std::system_error& error) {
    return std::unexpected(io::no_thread(error));
  }
  return {};
}

Result<void> Daemon::load_overlay() {
  overlay::OverlayConfig config;
  config.identity = Identity::from_seed(identity_);
  config.person = crypto::Ed25519KeyPair::from_seed(person_);
  crypto::wipe(identity_);
  crypto::wipe(person_);
  config.software = std::string("weft ") + kVersion;
  config.relay = relay_settings_of(options_.config.relay);
  config.max_networks = kMostNetworks;
  WEFT_TRY(overlay_, overlay::Overlay::load(io::monotonic_time(), io::read_wall_clock(),
                                            std::move(config), std::move(stored_), rng_));
  overlay_->set_local_time(io::seconds_east_of_utc());
  if (!overlay_->network()) {
    std::string name = wanted_name();
    if (name.empty()) name = host_label();
    if (!is_label(name))
      return fail(Errc::Usage, "\"" + name + "\" is not a name: use 1 to 63 of a-z, 0-9 and -");
    overlay_->create_network(io::monotonic_time(), name);
  }
  news_ = std::make_unique<News>(events_, *overlay_);
  driver_ = std::make_unique<Driver>(loop_, *overlay_, *writer_, *this);
  port_ = std::make_unique<OverlayPort>(*overlay_, *driver_);
  gateway_ = std::make_unique<Gateway>(
      loop_, *port_, [this](const std::optional<NetworkId>& network, events::Body happened) {
        news_->record(std::move(happened), network);
      });
  control_ = std::make_unique<ControlPlane>(loop_, *overlay_, *driver_, *gateway_, events_);
  dht_ = std::make_unique<DhtHost>(loop_, *overlay_, *driver_,
                                   [this](events::Body told) { events_.record(std::move(told)); });
  if (const auto started = gateway_->start(); !started) {
    no_resolver_ = started.error().detail;
    events_.record(events::NoResolver{no_resolver_});
  }
  control_->set_dht(*dht_);
  metrics_ = std::make_unique<MetricsControl>(*overlay_, *driver_, *gateway_, events_);
  metrics_->dht = dht_.get();
  metrics_->store_commit = [this] { return driver_->commits(); };
  metrics_->log_lines_dropped = [this] { return log_.dropped(); };
  return {};
}

Result<void> Daemon::keep(std::string_view key, std::optional<Bytes> value) {
  return writer_->submit({{Table::Setting, {}, to_bytes(bytes_of(key)), std::move(value)}},
                         [](const Result<void>&) {});
}

Result<void> Daemon::open_sockets() {
  overlay_->paths().gso().set(path::gso_setting_named(options_.config.gso));
  WEFT_CHECK(listening_.open(
      options_.listen, options_.config, *driver_,
      [this](std::string_view key, std::optional<Bytes> value) {
        return keep(key, std::move(value));
      },
      events_));
  driver_->connection_failed = [this](const std::string& why) {
    events_.record(events::ConnectionFailed{why});
  };
  Listening::tell(io::monotonic_time(), *driver_, *overlay_);
  mapped_port_ = std::make_unique<MappedPort>(loop_, *overlay_, *driver_, events_);
  control_->set_mapped_port(*mapped_port_);
  if (options_.config.port_mapping)
    mapped_port_->begin(driver_->udp().port(), local_endpoints(driver_->udp().bound()));
  return {};
}

void Daemon::restart_metrics() {
  metrics_server_.reset();
  if (const auto started = start_metrics(); !started)
    events_.record(events::ConfigFailed{"metrics", to_text(*options_.config.metrics_listen),
                                        started.error().detail});
}

Result<void> Daemon::start_metrics() {
  const auto& at = options_.config.metrics_listen;
  if (!at) return {};
  metrics_server_ = std::make_unique<metrics::Server>(loop_, options_.config.metrics_token,
                                                      [this] { return metrics_->metrics(); });
  return metrics_server_->listen(*at);
}

Result<void> Daemon::start_api() {
  const auto door = control_->nats.start(
      kept_nats_, [this](auto at) { std::ignore = keep(kNatsKey, std::move(at)); });
  if (!door) events_.record(events::ConfigFailed{"nats", kept_nats_, door.error().detail});
  control_->on_shutdown = [this] { end(); };
  control_->status.log_place = log_.place();
  control_->status.machine_troubles = [this] { return machine_troubles(); };
  control_->members.on_left = [this] {
    if (const auto begun = begin_setting_aside(options_.paths); !begun)
      return events_.record(events::LeaveFailed{begun.error().detail});
    left_ = true;
    end();
  };
  control_->on_backup = [this](const std::string& file, const auto& done) { back_up(file, done); };
  auto started = start_api_at(options_.paths.socket);
  // Some file systems have no sockets; the lock tells the command line where it is then.
  if (!started && started.error().code == Errc::Storage) {
    auto elsewhere = options_.paths;
    elsewhere.runtime_dir = elsewhere.other_socket.parent_path();
    if (create_directories(elsewhere) && start_api_at(elsewhere.other_socket)) {
      options_.paths.socket = elsewhere.other_socket;
      options_.paths.runtime_dir = elsewhere.runtime_dir;
      started = {};
    }
  }
  WEFT_CHECK(started);
  gateway_->own_places = {options_.paths.socket,
                          {options_.paths.data_dir, options_.paths.state_dir}};
  gateway_->own_places.set_udp(driver_->udp().bound());
  return lock_->say_socket(options_.paths.socket);
}

Result<void> Daemon::start_api_at(const std::filesystem::path& socket) {
  api::ServerOptions server;
  server.socket = socket;
  const auto plan = descriptor_plan(io::descriptor_limit(), io::descriptors_open());
  server.max_connections = plan.api_connections;
  gateway_->set_capacity(plan.connections);
  gateway_->set_datagram_idle(std::chrono::seconds(options_.config.udp_idle_s));
  control_->set_metrics(*metrics_);
  doctor_ = std::make_unique<DoctorControl>([this] {
    return Subject{control_->host(), *overlay_,      *driver_,    control_->doors,
                   log_.place(),     log_.dropped(), no_resolver_};
  });
  control_->set_doctor(*doctor_);
  auto routes = api::routes_of(api::modules());
  std::ranges::move(api::routes_of(modules()), std::back_inserter(routes));
  api_ = std::make_unique<api::HttpServer>(io::asio_context(loop_),
                                           api::Router(*control_, std::move(routes)), server);
  metrics_->api = api_.get();
  return api_->start();
}

// On the writer's thread, between two changes; answered from the loop.
void Daemon::back_up(const std::string& file, const api::Done<api::BackupResult>& done) {
  const store::HomePlaces places{options_.paths.data_dir, options_.paths.state_dir};
  auto finished = [this, file, done](const Result<void>& result) {
    loop_.post([file, done, result] {
      if (result) return done(api::BackupResult{file});
      const auto text = take_apart(result.error().detail, "weft");
      done(
          api::refuse(api::code_of(result.error().code), "no backup was made", text.why, text.fix));
    });
  };
  const auto asked = writer_->ask(
      [places, file](store::Store& store) { return store::write_backup(store, places, file); },
      finished);
  if (!asked) finished(std::unexpected(asked.error()));
}

Result<void> Daemon::start_log() {
  log::Target target;
  target.file = options_.log_file;
  return log_.start(std::move(target), options_.config.log_level);
}

std::vector<std::string> Daemon::machine_troubles() const {
  std::vector<std::string> out;
  if (!no_resolver_.empty()) out.push_back("names were not resolved at the start: " + no_resolver_);
  if (const auto dropped = log_.dropped(); dropped > 0)
    out.push_back(std::to_string(dropped) +
                  " log lines could not be written since the start: the disk is full, or what "
                  "should read " +
                  log_.place() + " does not");
  return out;
}

void Daemon::apply_wishes() {
  for (const auto& e : options_.config.expose)
    control_->wishes.apply_expose(e.name, e.target, e.protocol, e.allow, e.relay == "never");
  for (const auto& c : options_.config.consume)
    control_->wishes.apply_open(c.service, c.node, c.listen);
}

// What cannot change while it runs is said and waits for the next start.
void Daemon::reload() {
  log_.reopen();
  auto config = load_config(options_.paths);
  if (!config)
    return events_.record(events::ReloadFailed{
        to_text(config.error()), config.error().fix + "; until then all stays as it was"});
  const bool elsewhere = options_.listen.empty() && config->listen != options_.config.listen;
  const bool counted = config->metrics_listen != options_.config.metrics_listen ||
                       config->metrics_token != options_.config.metrics_token;
  options_.config = std::move(*config);
  if (counted) restart_metrics();
  log_.set_level(options_.config.log_level);
  overlay_->paths().gso().set(path::gso_setting_named(options_.config.gso));
  gateway_->set_datagram_idle(std::chrono::seconds(options_.config.udp_idle_s));
  control_->wishes.forget();
  apply_wishes();
  tell_configured_peers(*overlay_, options_.config.peer, io::monotonic_time());
  say_other_name();
  driver_->wake();
  events_.record(events::Reload{options_.paths.config_file.string(), options_.config.log_level,
                                options_.config.expose.size(), options_.config.consume.size(),
                                options_.config.peer.size(), elsewhere ? "node.listen" : "no"});
}

void Daemon::on_signal(int number) {
  if (number == SIGHUP) return reload();
  if (number == SIGUSR1 || number == SIGUSR2)
    return events_.record(events::SignalIgnored{static_cast<std::uint64_t>(number)});
  end();
}

void Daemon::say_ready() {
  nlohmann::ordered_json ready;
  ready["schema"] = "weft.ready/1";
  ready["id"] = to_text(overlay_->id());
  ready["name"] = overlay_->name();
  ready["network"] = overlay_->network_name();
  ready["listen"] = nlohmann::ordered_json::array();
  for (const auto& place : listen_texts(*driver_, true)) ready["listen"].push_back(place);
  if (options_.json_ready)
    std::cout << ready.dump() << '\n' << std::flush;
  else if (options_.log_file.empty())
    std::cerr << "weft: " << overlay_->name() << " is ready (network " << overlay_->network_name()
              << ", UDP port " << driver_->udp().port() << ")\n"
              << std::flush;
  events_.record(events::Start{
      kVersion, static_cast<std::uint64_t>(::getpid()), overlay_->name(), overlay_->network_name(),
      driver_->udp().port(), options_.paths.state_dir.string(), options_.paths.config_file.string(),
      options_.paths.socket.string(), log_.place(), io::descriptor_limit()});
  news_->look();
  notify_systemd("READY=1");
}

// The name is in the network's roster: it is given once, when the node is made or invited.
void Daemon::say_other_name() {
  const auto name = overlay_->name();
  if (name.empty() || wanted_name().empty() || wanted_name() == name) return;
  events_.record(events::NameIgnored{
      name, wanted_name(),
      "this node is called " + name + " and keeps that name; " +
          (options_.name.empty() ? "take node.name out of the configuration" : "omit --name") +
          ", or make another node in another home: weft --home DIR run --name NAME"});
}

void Daemon::on_overlay_event(overlay::OverlayEvent& event) {
  if (gateway_->handle(event) || control_->broker.handle(event) || dht_->handle(event)) return;
  if (const auto* done = std::get_if<overlay::CommandDone>(&event)) {
    control_->commands.on_done(*done);
    if (done->result && std::holds_alternative<overlay::LeaveOutcome>(*done->result))
      control_->nats.retry();  // its door goes with the network
  }
  news_->tell(event);
}

void Daemon::on_drained() {
  while (const auto change = overlay_->paths().gso().poll_change()) news_->tell(*change);
  if (const auto name = overlay_->name(); !name.empty()) last_name_ = name;
}

// The file of the socket may have been swept away: by a login that ended, by who cleans up /tmp.
void Daemon::keep_api() {
  std::ignore = create_directories(options_.paths);
  const auto bound = api_->keep_bound();
  if (!bound)
    events_.record(events::SocketLost{bound.error().detail});
  else if (*bound)
    events_.record(events::SocketBoundAgain{options_.paths.socket.string()});
}

void Daemon::look_around() {
  const Instant now = io::monotonic_time();
  log_.sweep(now);
  events_.sweep();
  overlay_->set_local_time(io::seconds_east_of_utc());
  overlay_->set_wall_clock(io::read_wall_clock());
  driver_->look_around();
  news_->look(local_endpoints(driver_->udp().bound()));
  mapped_port_->look(local_endpoints(driver_->udp().bound()));
  Listening::tell(now, *driver_, *overlay_);
  tell_configured_peers(*overlay_, options_.config.peer, now);
  control_->retry();
  if (!ending_) keep_api();
  if (const Duration suspended = io::time_suspended(); suspended > suspended_ + kSlept) {
    events_.record(events::Woke{static_cast<std::uint64_t>((suspended - suspended_) / 1s)});
    suspended_ = suspended;
    overlay_->came_back(now);
  }
  driver_->wake();
  look_timer_->arm(now + kLookAround);
}

void Daemon::end() {
  if (std::exchange(ending_, true)) return;
  events_.record(events::Stopping{});
  notify_systemd("STOPPING=1");
  mapped_port_->begin_stop();
  overlay_->shutdown(io::monotonic_time());
  driver_->wake();
  end_timer_->arm(io::monotonic_time() + kLastWords);
}

int Daemon::explain(const Error& error, const std::string& what, const std::string& fix) const {
  const auto& home = options_.paths.home;
  const auto program = home ? "weft --home " + home->string() : std::string("weft");
  auto text = take_apart(error.detail, program);
  if (text.fix.empty()) text.fix = fix;
  const auto code = error.code == Errc::Usage ? api::Code::Usage : api::Code::Failed;
  // Who starts us in the background reads this from the log.
  if (options_.json_ready || !options_.log_file.empty()) {
    api::Json out{
        {"schema", "weft.error/1"}, {"code", static_cast<int>(code)}, {"pid", ::getpid()}};
    out.update(api::to_json(api::ApiError{code, what, text.why, text.fix}));
    std::cout << api::dump(out) << "\n" << std::flush;
  } else {
    std::cerr << "weft: " << what << "\n  why: " << text.why << "\n";
    if (!text.fix.empty()) std::cerr << "  fix: " << text.fix << "\n";
  }
  return static_cast<int>(code);
}

int Daemon::run() {
  std::signal(SIGPIPE, SIG_IGN);
  io::raise_descriptor_limit();
  if (auto started = start_log(); !started) return explain(started.error(), "cannot write the log");
  if (auto opened = open_store(); !opened)
    return explain(opened.error(), "cannot use " + options_.paths.state_dir.string());
  if (auto loaded = load_overlay(); !loaded) return explain(loaded.error(), "cannot start");
  if (auto opened = open_sockets(); !opened)
    return explain(opened.error(), "cannot listen", listen_fix(opened.error().code));
  if (auto started = start_api(); !started)
    return explain(started.error(), "cannot listen on " + options_.paths.socket.string());
  if (auto started = start_metrics(); !started)
    return explain(started.error(),
                   "cannot serve metrics on " + to_text(*options_.config.metrics_listen),
                   "take another port in [metrics] of weft.toml");
  loop_.on_signals({SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2},
                   [this](int number) { on_signal(number); });
  look_timer_ = std::make_unique<io::Timer>(loop_, [this] { look_around(); });
  look_timer_->arm(io::monotonic_time() + kLookAround);
  address_watch_ = std::make_unique<AddressWatch>(loop_, [this] { look_around(); });
  end_timer_ = std::make_unique<io::Timer>(loop_, [this] { loop_.stop(); });
  tell_configured_peers(*overlay_, options_.config.peer, io::monotonic_time());
  driver_->wake();
  control_->doors.restore();
  apply_wishes();
  say_ready();
  say_other_name();
  loop_.run();
  api_->stop();
  writer_->stop();
  return 0;
}

}  // namespace

int run_daemon(const RunOptions& options) {
#ifdef __GLIBC__
  // Streams allocate and free 64 KiB at a time. By default glibc returns the top of the heap to the
  // kernel beyond 128 KiB, and every chunk is faulted in anew: a twentieth of the time of a
  // transfer.
  ::mallopt(M_TRIM_THRESHOLD, 2 << 20);
  ::mallopt(M_TOP_PAD, 256 << 10);
#endif
  crypto::initialise();
  auto daemon = std::make_unique<Daemon>(options);
  for (;;) {
    const int code = daemon->run();
    if (code != 0 || !daemon->left()) return code;
    auto next = std::make_unique<Daemon>(options);
    next->take_over(*daemon);
    daemon = std::move(next);  // lets go of socket, port and databases, before the next opens them
  }
}

}  // namespace weft::node
