#include "node/adapter/resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "node/io/clock.hpp"
#include "node/io/thread.hpp"

namespace weft::adapter {

namespace {

Resolution look_up(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  Resolution out;
  if (code != 0) {
    out.error = ::gai_strerror(code);
    return out;
  }
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (out.addresses.size() == Resolver::kMaxAddresses) break;
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    io::SocketAddress address;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    out.addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  if (out.addresses.empty()) out.error = "no IP address";
  return out;
}

void set_port(std::vector<io::SocketAddress>& addresses, std::uint16_t port) {
  for (auto& address : addresses) {
    // sin_port and sin6_port lie at one place.
    auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
    in.sin_port = htons(port);
  }
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

struct Resolver::Shared {
  Shared(io::EventLoop& to, LookUp how) : loop(&to), look(std::move(how)) {}

  enum class Kind { Quick, New, Slow };  // as its last lookup was
  Kind kind_of(const std::string& name) const {
    if (slow.contains(name)) return Kind::Slow;
    return quick.contains(name) ? Kind::Quick : Kind::New;
  }

  // The first name that may begin, and how many of its kind there are from now on.
  std::optional<std::pair<std::string, Kind>> take() {
    // Where few threads could be made, one is better than none.
    const std::size_t for_new = threads > 1 ? threads - 1 : 1;
    for (auto at = queue.begin(); at != queue.end(); ++at) {
      const Kind kind = kind_of(*at);
      if (kind == Kind::Slow && slow_under_way >= kSlowThreads) continue;
      if (kind != Kind::Quick && new_under_way + slow_under_way >= for_new) continue;
      std::string name = std::move(*at);
      queue.erase(at);
      count(kind) += 1;
      return std::pair(std::move(name), kind);
    }
    return std::nullopt;
  }

  std::size_t& count(Kind kind) {
    return kind == Kind::Slow  ? slow_under_way
           : kind == Kind::New ? new_under_way
                               : quick_under_way;
  }

  void remember(const std::string& name, bool was_slow) {
    auto& into = was_slow ? slow : quick;
    (was_slow ? quick : slow).erase(name);
    if (into.size() >= kMaxNames) into.clear();
    into.insert(name);
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      std::optional<std::pair<std::string, Kind>> taken;
      wake.wait(lock, [&] { return loop == nullptr || (taken = take()).has_value(); });
      if (loop == nullptr) return;
      lock.unlock();
      auto& [name, kind] = *taken;
      const Instant begun = io::monotonic_time();
      Resolution found = look(name);
      const bool was_slow = io::monotonic_time() - begun > kSlow;
      lock.lock();
      count(kind) -= 1;
      remember(name, was_slow);
      if (loop == nullptr) return;
      loop->post([to = resolver, host = std::move(name), answer = std::move(found)] {
        if (auto* still = *to) still->answered(host, answer);
      });
      wake.notify_all();  // another kind of name may have its turn now
    }
  }

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::string> queue;  // names to look up, each once
  std::set<std::string> slow, quick;
  std::size_t slow_under_way = 0, new_under_way = 0, quick_under_way = 0;
  std::size_t threads = 0;
  io::EventLoop* loop;  // null: the resolver is gone
  LookUp look;
  std::shared_ptr<Resolver*> resolver = std::make_shared<Resolver*>(nullptr);  // loop only
};

Resolver::Resolver(io::EventLoop& loop, LookUp how)
    : shared_(std::make_shared<Shared>(loop, std::move(how))) {
  if (!shared_->look) shared_->look = [](const std::string& host) { return look_up(host, 0); };
  *shared_->resolver = this;
}

Resolver::~Resolver() {
  *shared_->resolver = nullptr;
  const std::scoped_lock lock(shared_->mutex);
  shared_->loop = nullptr;
  shared_->queue.clear();
  shared_->wake.notify_all();
}

Result<void> Resolver::start() {
  const std::scoped_lock lock(shared_->mutex);
  while (shared_->threads < kThreads) {
    auto thread = io::start_thread([shared = shared_] { shared->work(); });
    if (!thread && shared_->threads > 0) break;  // fewer do as well
    if (!thread) return std::unexpected(thread.error());
    thread->detach();
    ++shared_->threads;
    has_thread_ = true;
  }
  return {};
}

Result<Resolver::Ticket> Resolver::resolve(const std::string& host, std::uint16_t port,
                                           OnResolved on_resolved) {
  if (!has_thread_) WEFT_CHECK(start());
  if (waiters_ >= kMaxWaiting) return fail(Errc::Limit, "too many lookups wait");
  const std::string name = lower(host);
  const bool asked = waiting_.contains(name);  // perhaps for somebody who cancelled
  auto& waiters = waiting_[name];
  if (waiters.size() >= kMaxPerName) return fail(Errc::Limit, "too many wait for this name");
  waiters.push_back({++last_ticket_, port, std::move(on_resolved)});
  ++waiters_;
  if (asked) return last_ticket_;
  const std::scoped_lock lock(shared_->mutex);
  shared_->queue.push_back(name);
  shared_->wake.notify_all();  // which of the threads may take it depends on its kind
  return last_ticket_;
}

void Resolver::cancel(Ticket ticket) {
  const auto it_is = [&](const Waiter& w) { return w.ticket == ticket; };
  if (std::erase_if(answering_, it_is) > 0) return void(--waiters_);
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    if (std::erase_if(at->second, it_is) == 0) continue;
    --waiters_;
    if (!at->second.empty()) return;
    const std::scoped_lock lock(shared_->mutex);
    // One under way keeps its entry, so that the name is not asked for twice at once.
    if (std::erase(shared_->queue, at->first) > 0) waiting_.erase(at);
    return;
  }
}

void Resolver::answered(const std::string& host, const Resolution& found) {
  const auto node = waiting_.extract(host);
  if (node.empty()) return;
  const auto alive = shared_->resolver;
  answering_ = std::move(node.mapped());
  while (!answering_.empty()) {  // what a caller does in here may cancel another
    const Waiter waiter = std::move(answering_.back());
    answering_.pop_back();
    --waiters_;
    Resolution answer = found;
    set_port(answer.addresses, waiter.port);
    waiter.then(std::move(answer));
    if (*alive == nullptr) return;  // or take us down
  }
}

std::vector<io::SocketAddress> known_addresses(const std::string& host, std::uint16_t port) {
  const std::string name = lower(host);
  if (name == "localhost" || name.ends_with(".localhost")) {
    ByteArray<16> loopback{};
    loopback[15] = 1;
    return {io::to_socket_address(Endpoint::v4(0x7f000001, port)),
            io::to_socket_address(Endpoint{loopback, port})};
  }
  auto literal = look_up(host, AI_NUMERICHOST).addresses;
  set_port(literal, port);
  return literal;
}

}  // namespace weft::adapter
