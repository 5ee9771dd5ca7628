// Answers that go on: their framing, and what becomes of clients that leave or do not read.
#include "node/api/http_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

namespace weft::api {
namespace {

using namespace std::chrono_literals;

class HttpStreamTest : public ::testing::Test, public HttpStream::Owner {
 protected:
  void TearDown() override {
    if (stream_) stream_->abandon();
    hang_up();
  }
  void start(HttpStream::Limits limits, bool chunked = true) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_ = ends[1];
    HttpStream::Socket socket(loop_);
    socket.assign(boost::asio::local::stream_protocol(), ends[0]);
    socket.non_blocking(true);
    stream_ = std::make_shared<HttpStream>(std::move(socket), *this, limits, chunked);
    StreamAnswer answer;
    answer.farewell = "too slow\n";
    answer.begin = [this](std::shared_ptr<AnswerStream> stream) { writer_ = std::move(stream); };
    stream_->start(answer);
    writer_->when_closed([this] { ++closed_; });
    work();
  }
  void work() {
    loop_.restart();
    loop_.poll();
  }
  // What the client has by the time the server has nothing more to say now.
  std::string read() {
    std::string out;
    for (bool more = true; more;) {
      work();
      more = false;
      std::array<char, 65536> piece{};
      for (ssize_t n = 0; (n = ::recv(client_, piece.data(), piece.size(), MSG_DONTWAIT)) > 0;
           more = true)
        out.append(piece.data(), static_cast<std::size_t>(n));
    }
    return out;
  }
  void hang_up() {
    if (client_ >= 0) ::close(client_);
    client_ = -1;
  }
  void cut_off(HttpStream&) override { ++cut_off_; }
  void ended(HttpStream&) override { ++ended_; }

  boost::asio::io_context loop_{1};
  std::shared_ptr<HttpStream> stream_;
  std::shared_ptr<AnswerStream> writer_;
  int client_ = -1;
  int closed_ = 0, cut_off_ = 0, ended_ = 0;
};

constexpr HttpStream::Limits kRoomy{64 * 1024, 10s};

TEST_F(HttpStreamTest, PiecesAreChunksAndTheEndIsTold) {
  start(kRoomy);
  const auto head = read();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_TRUE(head.contains("Content-Type: text/event-stream\r\n")) << head;
  EXPECT_TRUE(head.ends_with("Transfer-Encoding: chunked\r\n\r\n")) << head;
  EXPECT_TRUE(writer_->write("data: one\n\n"));
  EXPECT_TRUE(writer_->write(""));  // would be the last chunk
  EXPECT_TRUE(writer_->write("data: a second one\n\n"));
  EXPECT_EQ(read(), "b\r\ndata: one\n\n\r\n14\r\ndata: a second one\n\n\r\n");
  writer_->end();
  EXPECT_EQ(read(), "0\r\n\r\n");
  EXPECT_EQ(ended_, 1);
  EXPECT_EQ(closed_, 0);  // it was the writer who ended it
  EXPECT_FALSE(writer_->write("more"));
}

TEST_F(HttpStreamTest, AWriterHearsWhenAllIsOut) {
  start({1024 * 1024, 10s});
  int drained = 0;
  writer_->when_drained([&] { ++drained; });
  static_cast<void>(read());
  EXPECT_EQ(writer_->backlog(), 0u);
  const std::string piece(900 * 1024, 'x');  // more than the socket takes at once
  ASSERT_TRUE(writer_->write(piece));
  EXPECT_GT(writer_->backlog(), 0u);
  const int before = drained;
  EXPECT_GT(read().size(), piece.size());
  EXPECT_EQ(drained, before + 1);
  EXPECT_EQ(writer_->backlog(), 0u);
}

TEST_F(HttpStreamTest, WhatHearsIsLetGoOfWhenTheStreamEnds) {
  for (const bool by_writer : {true, false}) {
    start(kRoomy);
    const auto token = std::make_shared<int>(0);
    writer_->when_drained([token] {});
    writer_->when_closed([token] {});
    if (by_writer)
      writer_->end();
    else
      hang_up();
    work();
    EXPECT_EQ(token.use_count(), 1) << by_writer;
    hang_up();
  }
}

TEST_F(HttpStreamTest, WithoutChunksTheEndOfTheConnectionIsTheEnd) {
  start(kRoomy, false);
  EXPECT_FALSE(read().contains("chunked"));
  EXPECT_TRUE(writer_->write("data: one\n\n"));
  writer_->end();
  EXPECT_EQ(read(), "data: one\n\n");
  EXPECT_EQ(ended_, 1);
}

TEST_F(HttpStreamTest, AClientThatLeavesIsToldToTheWriter) {
  start(kRoomy);
  hang_up();
  work();
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(ended_, 1);
  EXPECT_FALSE(writer_->write("data: one\n\n"));
}

// It gets whole pieces, then the farewell, then the end: never half a piece.
TEST_F(HttpStreamTest, ASlowClientIsCutOffAndTold) {
  start(kRoomy);
  const std::string piece(1000, 'x');
  int taken = 0;
  while (writer_->write(piece)) {
    ASSERT_LT(++taken, 10'000) << "nothing bounds what waits";
    work();  // fills the socket
  }
  EXPECT_EQ(cut_off_, 1);
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(ended_, 0);  // its last words are on their way
  EXPECT_FALSE(writer_->write(piece));
  auto all = read();
  all.erase(0, all.find("\r\n\r\n") + 4);
  int whole = 0;
  const std::string chunk = "3e8\r\n" + piece + "\r\n";
  for (; all.starts_with(chunk); ++whole) all.erase(0, chunk.size());
  EXPECT_GT(whole, 0);
  EXPECT_LT(whole, taken);  // what waited was thrown away
  EXPECT_EQ(all, "9\r\ntoo slow\n\r\n0\r\n\r\n");
  EXPECT_EQ(ended_, 1);
  EXPECT_EQ(closed_, 1);
}

TEST_F(HttpStreamTest, AClientThatTakesNothingIsLeft) {
  start({64 * 1024, 50ms});
  const std::string piece(1000, 'x');
  while (writer_->write(piece)) work();
  loop_.restart();
  loop_.run();  // ends when nothing is awaited any more: the connection is closed
  EXPECT_EQ(ended_, 1);
  EXPECT_EQ(closed_, 1);
}

TEST_F(HttpStreamTest, AServerThatStopsEndsItsStreams) {
  start(kRoomy);
  EXPECT_TRUE(writer_->write("data: one\n\n"));
  stream_->finish_up();
  EXPECT_TRUE(read().ends_with("b\r\ndata: one\n\n\r\n0\r\n\r\n"));
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(ended_, 1);
}

}  // namespace
}  // namespace weft::api
