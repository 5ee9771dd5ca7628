// A real HttpServer with a FakeControl behind it, on a thread of its own, and raw clients that send
// bytes and read until the far side closes.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include "node/api/http_server.hpp"
#include "tests/api/fake_control.hpp"
#include "tests/harness/temporary_folder.hpp"

namespace weft::api {

using TemporaryHome = harness::TemporaryFolder;

class RawClient {
 public:
  explicit RawClient(const std::filesystem::path& socket) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.c_str(), socket.native().size() + 1);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~RawClient() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void finish() const { ::shutdown(fd_, SHUT_WR); }
  [[nodiscard]] std::string read_all() const {
    std::string out;
    while (read_some(out)) {
    }
    return out;
  }
  [[nodiscard]] std::string read_until(std::string_view mark) const {
    std::string out;
    while (!out.contains(mark) && read_some(out)) {
    }
    return out;
  }

 private:
  bool read_some(std::string& out) const {
    std::array<char, 16384> chunk{};
    const auto n = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (n <= 0) return false;
    out.append(chunk.data(), static_cast<std::size_t>(n));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) { start(std::move(options), Router(control_)); }
  void start(ServerOptions options, Router router) {
    options.socket = socket();
    server_ = std::make_unique<HttpServer>(loop_, std::move(router), std::move(options));
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().detail;
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    if (thread_.joinable()) {
      on_loop([this] { server_.reset(); });
      work_.reset();
      loop_.stop();
      thread_.join();
    }
  }
  template <class F>
  void on_loop(F work) {
    std::promise<void> done;
    boost::asio::post(loop_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  ServerCounters counters() {
    ServerCounters copy;
    on_loop([&] { copy = server_->counters(); });
    return copy;
  }
  [[nodiscard]] std::filesystem::path socket() const { return home_.path() / "weft.sock"; }
  [[nodiscard]] RawClient client() const { return RawClient(socket()); }
  // One request, the whole answer.
  [[nodiscard]] std::string ask(std::string_view text) const {
    const auto c = client();
    c.send(text);
    return c.read_all();
  }
  [[nodiscard]] std::string get(const std::string& path, const std::string& headers = "") const {
    return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
               "\r\n");
  }
  [[nodiscard]] std::string post(const std::string& path, const std::string& body,
                                 const std::string& type = "application/json") const {
    return ask("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
               "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body);
  }

  TemporaryHome home_;
  boost::asio::io_context loop_{1};
  FakeControl control_;  // dies before the loop: the answers it owes hold sockets and timers
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      loop_.get_executor()};
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

}  // namespace weft::api
