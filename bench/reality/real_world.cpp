// The plan in reality: each node has a UDP socket of its own on loopback, its own contact book and
// real keys, and runs on the machine's clock. A forwarder in user space holds every datagram back
// for as long as the model of the internet says, or loses it, before it enters the kernel.
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <queue>
#include <thread>

#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "bench/reality/plan.hpp"
#include "dht/dht.hpp"
#include "overlay/post/lone_dht.hpp"
#include "overlay/post/real_sealer.hpp"

namespace weft::reality {

namespace {

constexpr UnixTime kNow = 1'800'000'000;

struct Node {
  int socket = -1;
  StaticCredential credential;
  dht::Contact contact;
  dht::ContactBook book{dht::ContactBook::HashKey{}};
  std::unique_ptr<post::RealSealer> sealer;
  std::unique_ptr<dht::Dht> dht;
  std::unique_ptr<post::LoneDht> port;
  std::optional<Instant> deadline;
};

struct Held {  // a datagram on its way
  sim::PacketHeader header;
  std::uint32_t from = 0;
  Bytes bytes;
};

class RealWorld {
 public:
  explicit RealWorld(const Plan& plan)
      : plan_(plan), network_(std::move(*sim::Network::create(plan.network, plan.seed))) {
    outcome_.answers.resize(plan.asks.size());
    epoll_ = epoll_create1(0);
    nodes_ = std::vector<Node>(plan.identities.size());
    for (std::uint32_t node = 0; node < nodes_.size(); ++node) open(node);
  }
  ~RealWorld() {
    for (auto& node : nodes_)
      if (node.socket >= 0) close(node.socket);
    close(epoll_);
  }
  RealWorld(const RealWorld&) = delete;
  RealWorld& operator=(const RealWorld&) = delete;

  Outcome run() {
    start_ = std::chrono::steady_clock::now();
    std::size_t joined = 0;
    std::size_t asked = 0;
    bool killed = false;
    for (Instant now = clock(); now < plan_.end; now = clock()) {
      for (; joined < nodes_.size() && plan_.joins[joined] <= now; ++joined)
        join(now, static_cast<std::uint32_t>(joined));
      if (!killed && plan_.death <= now) {
        killed = true;
        for (const auto node : plan_.dead) kill(nodes_[node]);
      }
      for (; asked < plan_.asks.size() && plan_.asks[asked].at <= now; ++asked) ask(now, asked);
      forward(now);
      for (auto& node : nodes_) {
        if (!node.dht || !node.deadline || *node.deadline > now) continue;
        node.dht->handle_timeout(now);
        drain(now, node);
      }
      Instant next = plan_.end;
      if (joined < nodes_.size()) next = std::min(next, plan_.joins[joined]);
      if (!killed) next = std::min(next, plan_.death);
      if (asked < plan_.asks.size()) next = std::min(next, plan_.asks[asked].at);
      if (!held_.empty()) next = std::min(next, held_.begin()->first);
      for (const auto& node : nodes_)
        if (node.dht && node.deadline) next = std::min(next, *node.deadline);
      receive(next);
    }
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] Instant clock() const {
    return Instant{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_)};
  }

  void open(std::uint32_t index) {
    network_.add_node(sim::Network::Placement::Public);
    Node& node = nodes_[index];
    node.socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    WEFT_ASSERT(bind(node.socket, reinterpret_cast<sockaddr*>(&address), length) == 0);
    getsockname(node.socket, reinterpret_cast<sockaddr*>(&address), &length);
    const std::uint16_t port = ntohs(address.sin_port);
    by_port_[port] = index;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, node.socket, &event);
    const Identity& identity = plan_.identities[index];
    node.credential.key = crypto::X25519KeyPair::generate(rng_);
    node.credential.certificate =
        Certificate::issue(identity, plan_.network_id, node.credential.key.public_key, 1, kNow);
    node.contact = {identity.id, identity.public_key(), node.credential.key.public_key,
                    Endpoint::v4(INADDR_LOOPBACK, port)};
  }

  void join(Instant now, std::uint32_t index) {
    Node& node = nodes_[index];
    const WallClock wall{Instant{}, kNow};
    post::SealerSetup setup;
    setup.network = plan_.network_id;
    setup.identity = node.contact.identity;
    setup.credential = node.credential;
    setup.wall = wall;
    node.sealer = std::make_unique<post::RealSealer>(setup);
    node.dht =
        std::make_unique<dht::Dht>(now, dht::DhtSetup{plan_.dht, node.book, *node.sealer, rng_,
                                                      plan_.network_id, node.contact, wall, true});
    node.port = std::make_unique<post::LoneDht>(*node.sealer, *node.dht);
    node.dht->set_reachable(now, true);
    if (index > 0) node.dht->bootstrap(now, std::span(&nodes_[0].contact, 1));
    drain(now, node);
  }

  void kill(Node& node) {
    close(node.socket);
    node.socket = -1;
    node.dht.reset();
  }

  void ask(Instant now, std::size_t index) {
    const Plan::Ask& planned = plan_.asks[index];
    Node& node = nodes_[planned.node];
    asked_[{planned.node, node.dht->find_node(now, planned.target)}] = index;
    drain(now, node);
  }

  void drain(Instant now, Node& node) {
    ByteArray<2048> buffer;
    const auto index = static_cast<std::uint32_t>(&node - nodes_.data());
    while (const auto out = node.port->poll_transmit(now, buffer)) {
      ++outcome_.datagrams;
      outcome_.bytes += out->size;
      Held held;
      held.from = index;
      held.bytes.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(out->size));
      const auto to = by_port_.find(out->to.port);
      if (to == by_port_.end()) continue;
      const auto arrival =
          network_.send(now, index, network_.public_endpoint(to->second), out->size, held.header);
      held.header.size = static_cast<std::uint16_t>(out->size);
      if (arrival) held_.emplace(*arrival, std::move(held));
    }
    while (const auto event = node.dht->poll_event()) {
      const auto* found = std::get_if<dht::NodesFound>(&*event);
      if (found == nullptr) continue;
      const auto entry = asked_.find({index, found->id});
      if (entry == asked_.end()) continue;
      const NodeId& target = plan_.asks[entry->second].target;
      const bool right = !found->closest.empty() && node.book.id(found->closest[0]) == target;
      outcome_.answers[entry->second] = {found->stats.took, right, found->stats.requests,
                                         found->stats.failures};
    }
    node.deadline = node.dht->poll_timeout();
  }

  // Hands the kernel what has been under way for long enough.
  void forward(Instant now) {
    while (!held_.empty() && held_.begin()->first <= now) {
      const Instant due = held_.begin()->first;
      Held held = std::move(held_.begin()->second);
      held_.erase(held_.begin());
      const auto arrival = network_.arrive(due, held.header);
      if (arrival.verdict == sim::Network::Arrival::Verdict::Later) {
        held_.emplace(arrival.at, std::move(held));
        continue;
      }
      const bool delivered = arrival.verdict == sim::Network::Arrival::Verdict::Deliver;
      const Node& sender = nodes_[held.from];
      if (!delivered || sender.socket < 0) continue;
      outcome_.late = std::max<Duration>(outcome_.late, now - due);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      to.sin_port = htons(nodes_[arrival.node].contact.endpoint.port);
      sendto(sender.socket, held.bytes.data(), held.bytes.size(), 0,
             reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
  }

  void receive(Instant until) {
    const Duration wait = std::max<Duration>(until - clock(), 0ns);
    const timespec timeout{static_cast<time_t>(wait / 1s),
                           static_cast<long>((wait % std::chrono::seconds(1)).count())};
    std::array<epoll_event, 64> ready;
    const int count =
        epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      Node& node = nodes_[ready[static_cast<std::size_t>(i)].data.u32];
      if (node.socket < 0) continue;
      for (;;) {
        ByteArray<2048> bytes;
        sockaddr_in from{};
        socklen_t length = sizeof from;
        const ssize_t size = recvfrom(node.socket, bytes.data(), bytes.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &length);
        if (size < 0) break;
        if (!node.dht) continue;
        Datagram in;
        in.from = Endpoint::v4(ntohl(from.sin_addr.s_addr), ntohs(from.sin_port));
        in.payload = ByteView(bytes.data(), static_cast<std::size_t>(size));
        const Instant now = clock();
        node.port->handle_datagram(now, in);
        drain(now, node);
      }
    }
  }

  const Plan& plan_;
  sim::Network network_;  // the model alone: it decides how long each datagram is held, or lost
  Outcome outcome_;
  SeededRng rng_{7};
  int epoll_ = -1;
  std::vector<Node> nodes_;
  std::map<std::uint16_t, std::uint32_t> by_port_;
  std::multimap<Instant, Held> held_;
  std::map<std::pair<std::uint32_t, dht::LookupId>, std::size_t> asked_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

Outcome run_real(const Plan& plan) { return RealWorld(plan).run(); }

}  // namespace weft::reality
