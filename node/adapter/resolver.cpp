#include "node/adapter/resolver.hpp"

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace weft::adapter {

namespace {
Resolution look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
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
}  // namespace

struct Resolver::Shared {
  struct Request {
    std::string host;
    std::uint16_t port;
    OnResolved on_resolved;
  };

  explicit Shared(io::EventLoop& to) : loop(&to) {}

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return loop == nullptr || !waiting.empty(); });
      if (loop == nullptr) return;
      Request request = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      Resolution found = look_up(request.host, request.port, 0);
      lock.lock();
      if (loop == nullptr) return;
      loop->post([then = std::move(request.on_resolved), answer = std::move(found)]() mutable {
        then(std::move(answer));
      });
    }
  }

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Request> waiting;
  io::EventLoop* loop;  // null: the resolver is gone
  bool running = false;
};

Resolver::Resolver(io::EventLoop& loop) : shared_(std::make_shared<Shared>(loop)) {}

Resolver::~Resolver() {
  const std::scoped_lock lock(shared_->mutex);
  shared_->loop = nullptr;
  shared_->waiting.clear();
  shared_->wake.notify_all();
}

bool Resolver::resolve(const std::string& host, std::uint16_t port, OnResolved on_resolved) {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->waiting.size() >= kMaxWaiting) return false;
  shared_->waiting.push_back({host, port, std::move(on_resolved)});
  if (!std::exchange(shared_->running, true))
    std::thread([shared = shared_] { shared->work(); }).detach();
  shared_->wake.notify_one();
  return true;
}

std::vector<io::SocketAddress> literal_address(const std::string& host, std::uint16_t port) {
  return look_up(host, port, AI_NUMERICHOST).addresses;
}

}  // namespace weft::adapter
