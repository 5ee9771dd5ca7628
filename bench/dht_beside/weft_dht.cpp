// N of weft's DHT cores with real keys, each on a UDP socket of its own, one thread; the work of
// work.hpp.  weft_dht N OPERATIONS full|plain
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/seeded_rng.hpp"
#include "bench/dht_beside/work.hpp"
#include "dht/dht.hpp"
#include "dht/real_sealer.hpp"

namespace weft::dht {
namespace {

constexpr UnixTime kUnix = 1'800'000'000;

Instant clock_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

struct Shared {
  Config config;
  SeededRng rng{1};
  NetworkId network{};
  ByteArray<32> secret{};
  WallClock wall{clock_now(), kUnix};
};

class Node {
 public:
  Node(Shared& shared, std::size_t index)
      : identity_(Identity::generate(shared.rng)), credential_(make(shared)) {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(20000 + index));
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    contact_ = {identity_.id, identity_.public_key(), credential_.key.public_key,
                Endpoint::v4(INADDR_LOOPBACK, static_cast<std::uint16_t>(20000 + index))};
    sealer_ = std::make_unique<RealSealer>(SealerSetup{
        shared.network, shared.secret, identity_.public_key(), credential_, shared.wall});
    dht_ =
        std::make_unique<Dht>(clock_now(), DhtSetup{shared.config, book_, *sealer_, shared.rng,
                                                    shared.network, contact_, shared.wall, true});
  }
  ~Node() { close(fd_); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void receive() {
    ByteArray<2048> buffer;
    for (;;) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const auto length =
          recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (length < 0) break;
      Datagram in;
      in.from = Endpoint::v4(ntohl(from.sin_addr.s_addr), ntohs(from.sin_port));
      in.payload = ByteView(buffer).first(static_cast<std::size_t>(length));
      dht_->handle_datagram(clock_now(), in);
      drain();
    }
  }
  void tick(Instant now) {
    const auto timeout = dht_->poll_timeout();
    if (!timeout || *timeout > now) return;
    dht_->handle_timeout(now);
    drain();
  }
  void drain() {
    ByteArray<2048> buffer;
    const Instant now = clock_now();
    while (const auto out = dht_->poll_transmit(now, buffer)) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(out->to.v4_address());
      to.sin_port = htons(out->to.port);
      [[maybe_unused]] const auto sent =
          sendto(fd_, buffer.data(), out->size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    while (auto event = dht_->poll_event()) {
      if (const auto* e = std::get_if<PutDone>(&*event)) put = *e;
      if (const auto* e = std::get_if<RecordFound>(&*event); e != nullptr && first == 0)
        first = beside::now();
      if (const auto* e = std::get_if<GetDone>(&*event)) got = *e;
      if (const auto* e = std::get_if<Bootstrapped>(&*event)) joined = joined || e->ok;
    }
  }

  [[nodiscard]] int fd() const { return fd_; }
  Dht& dht() { return *dht_; }
  [[nodiscard]] const Contact& contact() const { return contact_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }

  std::optional<PutDone> put;
  std::optional<GetDone> got;
  double first = 0;
  bool joined = false;

 private:
  StaticCredential make(Shared& shared) {
    const auto key = crypto::X25519KeyPair::generate(shared.rng);
    return {key, Certificate::issue(identity_, shared.network, key.public_key, 1, kUnix)};
  }

  Identity identity_;
  StaticCredential credential_;
  Contact contact_;
  int fd_ = -1;
  ContactBook book_{ContactBook::HashKey{}};
  std::unique_ptr<RealSealer> sealer_;
  std::unique_ptr<Dht> dht_;
};

class World {
 public:
  World(Shared& shared, std::size_t count) : epoll_(epoll_create1(0)) {
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(std::make_unique<Node>(shared, i));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, nodes[i]->fd(), &event);
    }
    for (std::size_t i = 1; i < count; ++i) {
      const Contact seed = nodes[i < 4 ? 0 : i % 4]->contact();
      nodes[i]->dht().bootstrap(clock_now(), std::span(&seed, 1));
      nodes[i]->drain();
      step(0);
    }
  }
  // One round of ready sockets; deadlines are looked at every few milliseconds.
  void step(int wait_ms) {
    epoll_event events[256];
    const int ready = epoll_wait(epoll_, events, 256, wait_ms);
    for (int i = 0; i < ready; ++i)
      if (auto& node = nodes[static_cast<std::size_t>(events[i].data.u64)]) node->receive();
    const Instant now = clock_now();
    if (now < next_tick_) return;
    next_tick_ = now + 5ms;
    for (auto& node : nodes)
      if (node) node->tick(now);
  }
  template <class Done>
  void run(double seconds, Done done) {
    const double end = beside::now() + seconds;
    while (!done() && beside::now() < end) step(5);
  }
  void run(double seconds) {
    run(seconds, [] { return false; });
  }
  Node& random(std::mt19937& random) {
    for (;;)
      if (auto& node = nodes[random() % nodes.size()]) return *node;
  }

  std::vector<std::unique_ptr<Node>> nodes;

 private:
  int epoll_;
  Instant next_tick_{};
};

struct Item {
  Key key;
  RecordKind kind = RecordKind::Immutable;
};

beside::Phase puts(World& world, Shared& shared, RecordKind kind, std::size_t count,
                   std::mt19937& random, std::vector<Item>& items) {
  beside::Phase phase{count, {}, {}};
  const auto before = beside::traffic();
  for (std::size_t i = 0; i < count; ++i) {
    Node& node = world.random(random);
    Bytes value(beside::kValueSize, std::uint8_t{'x'});
    value[0] = static_cast<std::uint8_t>(i);
    value[1] = static_cast<std::uint8_t>(i >> 8);
    Bytes salt;
    append_be(salt, static_cast<std::uint32_t>(i));
    const double start = beside::now();
    const Record record =
        kind == RecordKind::Immutable
            ? Record::immutable(value)
            : Record::mutable_item(node.identity(), shared.network, salt, 1, value);
    items.push_back({record.key(), kind});
    node.put.reset();
    node.dht().put(clock_now(), record, {.cas = std::nullopt, .keep = false});
    node.drain();
    world.run(30, [&] { return node.put.has_value(); });
    if (node.put && node.put->ok) phase.took_ms.push_back((beside::now() - start) * 1e3);
  }
  world.run(0.2);  // what is stored beyond the three quarters counts too
  phase.cost = beside::traffic() - before;
  return phase;
}

// Time to the first value; packets until the get has ended.
beside::Phase gets(World& world, const std::vector<Item>& items, std::mt19937& random) {
  beside::Phase phase{items.size(), {}, {}};
  const auto before = beside::traffic();
  for (const Item& item : items) {
    Node& node = world.random(random);
    node.got.reset();
    node.first = 0;
    const double start = beside::now();
    node.dht().get(clock_now(), item.key, {.kind = item.kind});
    node.drain();
    world.run(30, [&] { return node.got.has_value(); });
    if (node.got && node.got->best) phase.took_ms.push_back((node.first - start) * 1e3);
  }
  world.run(0.2);
  phase.cost = beside::traffic() - before;
  return phase;
}

int run(std::size_t count, std::size_t operations, bool full) {
  rlimit files{20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  const double memory_before = beside::resident_mib();
  Shared shared;
  shared.config.full_table = full;
  const double start = beside::now();
  World world(shared, count);
  world.run(60, [&] {
    return std::ranges::all_of(world.nodes.begin() + 1, world.nodes.end(),
                               [](const auto& node) { return node->joined; });
  });
  beside::Report report;
  report.number("nodes", static_cast<double>(count));
  report.number("join_s", beside::now() - start);
  world.run(beside::kSettle);
  const auto idle = beside::traffic();
  world.run(beside::kIdle);
  report.number("idle_Bps", static_cast<double>((beside::traffic() - idle).bytes) / beside::kIdle /
                                static_cast<double>(count));
  std::mt19937 random(1);
  std::vector<Item> items;
  std::vector<Item> signed_items;
  report.phase("put", puts(world, shared, RecordKind::Immutable, operations, random, items));
  report.phase("get", gets(world, items, random));
  report.phase("put_signed",
               puts(world, shared, RecordKind::Mutable, operations, random, signed_items));
  report.phase("get_signed", gets(world, signed_items, random));
  report.number("mib_per_node",
                (beside::resident_mib() - memory_before) / static_cast<double>(count));
  for (std::size_t i = 5; i < count; i += 10) world.nodes[i].reset();
  report.phase("get_killed", gets(world, items, random));
  report.phase("get_signed_killed", gets(world, signed_items, random));
  std::vector<Item> more;
  report.phase("put_killed", puts(world, shared, RecordKind::Mutable, operations, random, more));
  const auto late = beside::traffic();
  world.run(beside::kIdle);
  report.number("idle_later_Bps", static_cast<double>((beside::traffic() - late).bytes) /
                                      beside::kIdle / static_cast<double>(count));
  report.print();
  return 0;
}

}  // namespace
}  // namespace weft::dht

int main(int argc, char** argv) {
  weft::crypto::initialise();
  const std::size_t count = argc > 1 ? std::stoul(argv[1]) : 50;
  const std::size_t operations = argc > 2 ? std::stoul(argv[2]) : 100;
  return weft::dht::run(count, operations, argc <= 3 || std::string(argv[3]) == "full");
}
