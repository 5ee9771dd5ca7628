// N of weft's DHT cores with real keys, each on a UDP socket of its own, shared out over as many
// event loops as there are cores (or LOOPS), since the rival uses all of them; the work of
// work.hpp.
//
//   weft_dht N OPERATIONS [full|plain [LOOPS]]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>

#include "base/seeded_rng.hpp"
#include "bench/dht_beside/work.hpp"
#include "dht/dht.hpp"
#include "overlay/post/lone_dht.hpp"
#include "overlay/post/real_sealer.hpp"

namespace weft::dht {
namespace {

constexpr UnixTime kUnix = 1'800'000'000;

Instant clock_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

struct Shared {  // nothing here changes once the nodes run
  Config config;
  NetworkId network{};
  ByteArray<32> secret{};
  WallClock wall{clock_now(), kUnix};
};

// Made by the main thread, from then on the business of its loop alone.
class Node {
 public:
  Node(const Shared& shared, Rng& keys, Rng& rng, std::size_t index)
      : identity_(Identity::generate(keys)), credential_(make(shared, keys)) {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(20000 + index));
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    contact_ = {identity_.id, identity_.public_key(), credential_.key.public_key,
                Endpoint::v4(INADDR_LOOPBACK, static_cast<std::uint16_t>(20000 + index))};
    sealer_ = std::make_unique<post::RealSealer>(post::SealerSetup{
        shared.network, shared.secret, identity_.public_key(), credential_, shared.wall});
    dht_ = std::make_unique<Dht>(
        clock_now(),
        DhtSetup{shared.config, book_, *sealer_, rng, shared.network, contact_, shared.wall, true});
    port_ = std::make_unique<post::LoneDht>(*sealer_, *dht_);
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
      port_->handle_datagram(clock_now(), in);
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
    while (const auto out = port_->poll_transmit(now, buffer)) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(out->to.v4_address());
      to.sin_port = htons(out->to.port);
      [[maybe_unused]] const auto sent =
          sendto(fd_, buffer.data(), out->size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    while (auto event = dht_->poll_event()) {
      if (const auto* e = std::get_if<PutDone>(&*event); e != nullptr && asked)
        asked->finish(e->ok);
      if (std::get_if<RecordFound>(&*event) != nullptr && asked) asked->found();
      if (const auto* e = std::get_if<GetDone>(&*event); e != nullptr && asked)
        asked->finish(e->best.has_value());
      if (const auto* e = std::get_if<Bootstrapped>(&*event)) joined = joined || e->ok;
    }
  }

  [[nodiscard]] int fd() const { return fd_; }
  Dht& dht() { return *dht_; }
  [[nodiscard]] const Contact& contact() const { return contact_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }

  std::shared_ptr<beside::Waiter> asked;  // by whom, at last
  std::atomic<bool> joined = false;

 private:
  StaticCredential make(const Shared& shared, Rng& keys) {
    const auto key = crypto::X25519KeyPair::generate(keys);
    return {key, Certificate::issue(identity_, shared.network, key.public_key, 1, kUnix)};
  }

  Identity identity_;
  StaticCredential credential_;
  Contact contact_;
  int fd_ = -1;
  ContactBook book_{ContactBook::HashKey{}};
  std::unique_ptr<post::RealSealer> sealer_;
  std::unique_ptr<Dht> dht_;
  std::unique_ptr<post::LoneDht> port_;
};

// A thread and its share of the nodes. Others give it work by post() and call().
class Loop {
 public:
  explicit Loop(std::uint64_t seed)
      : rng(seed), epoll_(epoll_create1(0)), wake_(eventfd(0, EFD_NONBLOCK)) {
    watch(wake_, nullptr);
    thread_ = std::thread([this] {
      while (!stopped_) step();
    });
  }
  ~Loop() {
    post([this] { stopped_ = true; });
    thread_.join();
    close(wake_);
    close(epoll_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(work));
    }
    eventfd_write(wake_, 1);
  }
  void call(const std::function<void()>& work) {
    beside::Waiter done;
    post([&] {
      work();
      done.finish(true);
    });
    done.wait();
  }

  // To be called in the loop's own thread.
  void add(Node& node) {
    nodes_.push_back(&node);
    watch(node.fd(), &node);
  }
  void remove(Node& node) { std::erase(nodes_, &node); }

  SeededRng rng;

 private:
  void watch(int fd, Node* node) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = node;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  // One round of ready sockets; deadlines are looked at every few milliseconds.
  void step() {
    epoll_event events[256];
    const int ready = epoll_wait(epoll_, events, 256, 5);
    bool called = false;
    for (int i = 0; i < ready; ++i) {
      if (auto* node = static_cast<Node*>(events[i].data.ptr))
        node->receive();
      else
        called = true;
    }
    if (called) work();  // last, for it may take away a node
    const Instant now = clock_now();
    if (now < next_tick_) return;
    next_tick_ = now + 5ms;
    for (Node* node : nodes_) node->tick(now);
  }
  void work() {
    eventfd_t count = 0;
    eventfd_read(wake_, &count);
    std::vector<std::function<void()>> todo;
    {
      const std::lock_guard lock(mutex_);
      todo.swap(posted_);
    }
    for (const auto& one : todo) one();
  }

  int epoll_;
  int wake_;
  std::vector<Node*> nodes_;
  Instant next_tick_{};
  bool stopped_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::thread thread_;
};

class World {
 public:
  World(const Shared& shared, std::size_t count, std::size_t loops) {
    for (std::size_t i = 0; i < loops; ++i) loops_.push_back(std::make_unique<Loop>(i + 2));
    SeededRng keys{1};
    for (std::size_t i = 0; i < count; ++i) {
      nodes_.push_back(std::make_unique<Node>(shared, keys, loop_of(i).rng, i));
      Node& node = *nodes_[i];
      const Contact seed = nodes_[i < 4 ? 0 : i % 4]->contact();
      loop_of(i).post([&loop = loop_of(i), &node, seed, first = i == 0] {
        loop.add(node);
        if (first) return;
        node.dht().bootstrap(clock_now(), std::span(&seed, 1));
        node.drain();
      });
    }
  }
  ~World() {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i]) kill(i);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] bool joined() const {
    return std::ranges::all_of(nodes_.begin() + 1, nodes_.end(),
                               [](const auto& node) { return node->joined.load(); });
  }
  void kill(std::size_t i) {
    loop_of(i).call([&] {
      loop_of(i).remove(*nodes_[i]);
      nodes_[i].reset();
    });
  }
  // Some node that lives begins something and, in time, tells the waiter.
  std::shared_ptr<beside::Waiter> ask(std::mt19937& random,
                                      const std::function<void(Node&)>& begin) {
    std::size_t i = random() % nodes_.size();
    while (!nodes_[i]) i = random() % nodes_.size();
    auto waiter = std::make_shared<beside::Waiter>();
    loop_of(i).post([&node = *nodes_[i], waiter, begin] {
      node.asked = waiter;
      begin(node);
      node.drain();
    });
    waiter->wait();
    return waiter;
  }

 private:
  Loop& loop_of(std::size_t node) { return *loops_[node % loops_.size()]; }

  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

struct Item {
  Key key;
  RecordKind kind = RecordKind::Immutable;
};

beside::Phase puts(World& world, const Shared& shared, RecordKind kind, std::size_t count,
                   std::mt19937& random, std::vector<Item>& items) {
  beside::Phase phase{count, {}, {}};
  const auto before = beside::traffic();
  for (std::size_t i = 0; i < count; ++i) {
    Bytes value(beside::kValueSize, std::uint8_t{'x'});
    value[0] = static_cast<std::uint8_t>(i);
    value[1] = static_cast<std::uint8_t>(i >> 8);
    Bytes salt;
    append_be(salt, static_cast<std::uint32_t>(i));
    Item item{{}, kind};
    const double start = beside::now();
    const auto waiter = world.ask(random, [&](Node& node) {
      const Record record =
          kind == RecordKind::Immutable
              ? Record::immutable(value)
              : Record::mutable_item(node.identity(), shared.network, salt, 1, value);
      item.key = record.key();
      node.dht().put(clock_now(), record, {.cas = std::nullopt, .keep = false});
    });
    if (waiter->ok) phase.took_ms.push_back((beside::now() - start) * 1e3);
    items.push_back(item);
  }
  beside::sleep(0.2);  // what is stored beyond the three quarters counts too
  phase.cost = beside::traffic() - before;
  return phase;
}

// Time to the first value; packets until the get has ended.
beside::Phase gets(World& world, const std::vector<Item>& items, std::mt19937& random) {
  beside::Phase phase{items.size(), {}, {}};
  const auto before = beside::traffic();
  for (const Item& item : items) {
    const double start = beside::now();
    const auto waiter = world.ask(
        random, [&](Node& node) { node.dht().get(clock_now(), item.key, {.kind = item.kind}); });
    if (waiter->ok) phase.took_ms.push_back((waiter->first - start) * 1e3);
  }
  beside::sleep(0.2);
  phase.cost = beside::traffic() - before;
  return phase;
}

double idle_rate(std::size_t count) {
  const auto before = beside::traffic();
  beside::sleep(beside::kIdle);
  return static_cast<double>((beside::traffic() - before).bytes) / beside::kIdle /
         static_cast<double>(count);
}

int run(std::size_t count, std::size_t operations, bool full, std::size_t loops) {
  rlimit files{20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  const double memory_before = beside::resident_mib();
  Shared shared;
  shared.config.full_table = full;
  const double start = beside::now();
  World world(shared, count, loops);
  while (!world.joined() && beside::now() - start < 60) beside::sleep(0.01);
  beside::Report report;
  report.number("nodes", static_cast<double>(count));
  report.number("join_s", beside::now() - start);
  beside::sleep(beside::kSettle);
  report.number("idle_Bps", idle_rate(count));
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
  for (std::size_t i = 5; i < count; i += 10) world.kill(i);
  report.phase("get_killed", gets(world, items, random));
  report.phase("get_signed_killed", gets(world, signed_items, random));
  std::vector<Item> more;
  report.phase("put_killed", puts(world, shared, RecordKind::Mutable, operations, random, more));
  report.number("idle_later_Bps", idle_rate(count));
  report.print();
  return 0;
}

}  // namespace
}  // namespace weft::dht

int main(int argc, char** argv) {
  weft::crypto::initialise();
  const std::size_t count = argc > 1 ? std::stoul(argv[1]) : 50;
  const std::size_t operations = argc > 2 ? std::stoul(argv[2]) : 100;
  const bool full = argc <= 3 || std::string(argv[3]) == "full";
  const std::size_t loops = argc > 4 ? std::stoul(argv[4]) : std::thread::hardware_concurrency();
  return weft::dht::run(count, operations, full, std::max<std::size_t>(loops, 1));
}
