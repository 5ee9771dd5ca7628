// The load beside which tunnels are measured: a server, and clients that each print one JSON line.
//
//   load serve PORT                  first byte 'E': echo; 'S': sink, answering its total so far
//   load ping HOST PORT SECONDS      round trips of 64 bytes on one connection
//   load blast HOST PORT N SECONDS   N connections, as fast as they go; goodput as the sink counts
//   it load rate HOST PORT N SECONDS    connections opened, echoed once and closed, N at a time
//   load idle HOST PORT N            N connections held until stdin closes; prints "open" first
//
// The sink reports every MiB, so goodput is what arrived and not what a tunnel's buffers swallowed,
// and no tunnel needs to know half-close.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kReportEvery = 1U << 20U;
constexpr std::size_t kChunk = 1U << 17U;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

double percentile(std::vector<double>& sorted, double p) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1) + 0.5)];
}

void set_nodelay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void reset_close(int fd) {  // no TIME_WAIT: the rate test must not use up the ports
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

struct Target {
  sockaddr_in address{};
  Target(const char* host, const char* port) {
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("address");
  }
  [[nodiscard]] int dial(bool nonblocking = false) const {
    const int fd = socket(AF_INET, SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return -1;
    set_nodelay(fd);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    if (connect(fd, to, sizeof address) != 0 && errno != EINPROGRESS) {
      close(fd);
      return -1;
    }
    return fd;
  }
};

// ---- server ----

struct Served {
  int fd;
  char mode = 0;
  std::uint64_t total = 0, reported = 0;
};

bool echo_back(int fd, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      poll(&wait, 1, 1000);
      continue;
    }
    if (sent < 0) return false;
    data += sent;
    size -= sent;
  }
  return true;
}

bool serve_readable(Served& served, std::vector<char>& buffer) {
  for (int turn = 0; turn < 4; ++turn) {
    ssize_t got = recv(served.fd, buffer.data(), buffer.size(), 0);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN;
    const char* data = buffer.data();
    if (served.mode == 0) {
      served.mode = *data++;
      --got;
    }
    if (served.mode == 'E') {
      if (!echo_back(served.fd, data, got)) return false;
      continue;
    }
    served.total += static_cast<std::uint64_t>(got);
    if (served.total - served.reported >= kReportEvery) {
      served.reported = served.total;
      send(served.fd, &served.total, sizeof served.total, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  return true;
}

int listen_on(const char* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) die("bind");
  if (listen(fd, 4096) != 0) die("listen");
  return fd;
}

int serve(const char* port) {
  const int listener = listen_on(port);
  const int poller = epoll_create1(0);
  std::map<int, Served> all;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  std::vector<char> buffer(2 * kChunk);
  std::array<epoll_event, 256> ready{};
  for (;;) {
    const int count = epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        for (int next; (next = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          set_nodelay(next);
          all.emplace(next, Served{next});
          event.data.fd = next;
          epoll_ctl(poller, EPOLL_CTL_ADD, next, &event);
        }
      } else if (!serve_readable(all.at(fd), buffer)) {
        close(fd);
        all.erase(fd);
      }
    }
  }
}

// ---- round trips ----

bool receive_all(int fd, char* data, std::size_t size) {
  for (std::size_t have = 0; have < size;) {
    const ssize_t got = recv(fd, data + have, size - have, 0);
    if (got <= 0) return false;
    have += static_cast<std::size_t>(got);
  }
  return true;
}

int ping(const Target& target, double duration) {
  const int fd = target.dial();
  if (fd < 0) die("connect");
  std::array<char, 64> message{};
  if (send(fd, "E", 1, MSG_NOSIGNAL) != 1) die("send");
  std::vector<double> times;
  const auto start = Clock::now();
  while (seconds_since(start) < duration) {
    const auto sent = Clock::now();
    if (send(fd, message.data(), message.size(), MSG_NOSIGNAL) < 0) die("send");
    if (!receive_all(fd, message.data(), message.size())) die("receive");
    if (seconds_since(start) > duration * 0.1) times.push_back(seconds_since(sent) * 1e6);
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"n\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", times.size(),
              percentile(times, 0.5), percentile(times, 0.99));
  return 0;
}

// ---- throughput ----

struct Stream {
  int fd;
  std::uint64_t acked = 0, at_start = 0;
  std::array<char, 8> partial{};
  std::size_t filled = 0;
};

bool read_reports(Stream& stream) {
  std::array<char, 4096> in{};
  const ssize_t got = recv(stream.fd, in.data(), in.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
  for (ssize_t i = 0; i < got; ++i) {
    stream.partial[stream.filled++] = in[static_cast<std::size_t>(i)];
    if (stream.filled == stream.partial.size()) {
      std::memcpy(&stream.acked, stream.partial.data(), sizeof stream.acked);
      stream.filled = 0;
    }
  }
  return true;
}

int report_blast(const std::vector<Stream>& streams, double took, int broken) {
  std::uint64_t sum = 0, low = UINT64_MAX, high = 0;
  for (const auto& stream : streams) {
    const std::uint64_t moved = stream.acked - stream.at_start;
    sum += moved;
    low = std::min(low, moved);
    high = std::max(high, moved);
  }
  std::printf("{\"gbps\": %.4f, \"bytes\": %llu, \"fairness\": %.3f, \"broken\": %d}\n",
              static_cast<double>(sum) * 8e-9 / took, static_cast<unsigned long long>(sum),
              high != 0 ? static_cast<double>(low) / static_cast<double>(high) : 0, broken);
  return broken == 0 ? 0 : 1;
}

int blast(const Target& target, int count, double duration) {
  const std::vector<char> data(kChunk, 'z');
  const int poller = epoll_create1(0);
  std::vector<Stream> streams;
  for (int i = 0; i < count; ++i) {
    const int fd = target.dial();
    if (fd < 0 || send(fd, "S", 1, MSG_NOSIGNAL) != 1) die("connect");
    streams.push_back(Stream{fd});
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.u32 = static_cast<std::uint32_t>(i);
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
  const double warm = duration * 0.2;
  const auto start = Clock::now();
  bool warming = true;
  int broken = 0;
  std::array<epoll_event, 64> ready{};
  while (seconds_since(start) < duration + warm && broken < count) {
    const int got = epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), 100);
    for (int i = 0; i < got; ++i) {
      const auto& event = ready[static_cast<std::size_t>(i)];
      Stream& stream = streams[event.data.u32];
      if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0 && !read_reports(stream)) {
        epoll_ctl(poller, EPOLL_CTL_DEL, stream.fd, nullptr);
        ++broken;
      } else if ((event.events & EPOLLOUT) != 0) {
        send(stream.fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      }
    }
    if (warming && seconds_since(start) >= warm) {
      warming = false;
      for (auto& stream : streams) stream.at_start = stream.acked;
      std::fprintf(stderr, "warm\n");
    }
  }
  const double took = seconds_since(start) - warm;
  for (const auto& stream : streams) reset_close(stream.fd);
  return report_blast(streams, took, broken);
}

// ---- connections per second ----

struct Attempt {
  int fd = -1;
  bool asked = false;
  Clock::time_point began;
};

// True while the attempt lives; `done` receives its time, a negative one is a failure.
bool step(Attempt& attempt, std::vector<double>& done, int& failures) {
  if (!attempt.asked) {
    attempt.asked = send(attempt.fd, "Ex", 2, MSG_NOSIGNAL) == 2;
    if (attempt.asked) return true;
    ++failures;
  } else {
    char byte = 0;
    const ssize_t got = recv(attempt.fd, &byte, 1, 0);
    if (got < 0 && errno == EAGAIN) return true;
    if (got == 1) {
      done.push_back(seconds_since(attempt.began) * 1e3);
    } else {
      ++failures;
    }
  }
  reset_close(attempt.fd);
  attempt.fd = -1;
  return false;
}

int rate(const Target& target, int count, double duration) {
  std::vector<Attempt> attempts(static_cast<std::size_t>(count));
  std::vector<pollfd> waits(attempts.size());
  std::vector<double> done;
  int failures = 0;
  const auto start = Clock::now();
  while (seconds_since(start) < duration) {
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      if (attempts[i].fd < 0) {
        attempts[i] = Attempt{target.dial(true), false, Clock::now()};
        if (attempts[i].fd < 0) ++failures;
      }
      const int events = attempts[i].asked ? POLLIN : POLLOUT;
      waits[i] = pollfd{attempts[i].fd, static_cast<short>(events), 0};
    }
    if (poll(waits.data(), waits.size(), 500) == 0) ++failures;
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      if (attempts[i].fd >= 0 && waits[i].revents != 0) step(attempts[i], done, failures);
    }
  }
  const double took = seconds_since(start);
  std::sort(done.begin(), done.end());
  std::printf("{\"per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"failures\": %d}\n",
              static_cast<double>(done.size()) / took, percentile(done, 0.5),
              percentile(done, 0.99), failures);
  return 0;
}

// ---- idle connections ----

int idle(const Target& target, int count) {
  std::vector<int> open;
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    const int fd = target.dial();
    char byte = 0;
    if (fd < 0 || send(fd, "Ex", 2, MSG_NOSIGNAL) != 2 || !receive_all(fd, &byte, 1)) break;
    open.push_back(fd);
  }
  std::printf("{\"open\": %zu, \"took_s\": %.3f}\n", open.size(), seconds_since(start));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  for (const int fd : open) reset_close(fd);
  return 0;
}

int run(const std::vector<std::string>& args) {
  const auto text = [&](std::size_t i) { return args.at(i).c_str(); };
  if (args.at(0) == "serve") return serve(text(1));
  const Target target(text(1), text(2));
  if (args[0] == "ping") return ping(target, std::atof(text(3)));
  const int count = std::atoi(text(3));
  if (args[0] == "idle") return idle(target, count);
  if (args[0] == "blast") return blast(target, count, std::atof(text(4)));
  if (args[0] == "rate") return rate(target, count, std::atof(text(4)));
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 2) {
    std::fprintf(stderr, "usage: load serve|ping|blast|rate|idle ..., see the head of load.cpp\n");
    return 2;
  }
  return run(args);
}
