// The HTTP server against raw sockets: what must be refused (N30, N32, N33's uid part), limits, and
// beside each refusal the request that is answered.
#include "node/api/http_server.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "node/api/route.hpp"
#include "node/io/descriptors.hpp"
#include "node/io/unique_fd.hpp"
#include "tests/api/server_fixture.hpp"

namespace weft::api {
namespace {

bool has_status(const std::string& answer, int status) {
  return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

TEST_F(ServerTest, AnswersStatusInAnEnvelope) {
  start();
  const auto answer = get("/api/v1/status");
  EXPECT_TRUE(has_status(answer, 200)) << answer;
  EXPECT_TRUE(answer.contains(R"({"success":true,"code":0,"data":{"schema":"weft.status/1")"));
  EXPECT_TRUE(answer.contains(R"("rtt_ms":11.25)"));
}

TEST_F(ServerTest, SocketIsPrivate) {
  start();
  struct stat info{};
  ASSERT_EQ(::stat(socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ServerTest, HealthReadyVersion) {
  start();
  EXPECT_TRUE(has_status(get("/healthz"), 200));
  EXPECT_TRUE(has_status(get("/health"), 200));
  EXPECT_TRUE(get("/version").contains("weft.version/1"));
  EXPECT_TRUE(has_status(get("/readyz"), 200));
  control_.is_ready = false;
  EXPECT_TRUE(has_status(get("/readyz"), 503));
}

// N30: Host, Origin, text/plain, preflight: 403 each, no CORS header, the daemon never asked.
TEST_F(ServerTest, BrowsersAreRefused) {
  start();
  const std::string tail = "Connection: close\r\n\r\n";
  const std::vector<std::string> refused{
      ask("GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n" + tail),
      ask("GET /api/v1/status HTTP/1.1\r\nHost: localhost.evil.example\r\n" + tail),
      get("/api/v1/status", "Origin: http://localhost\r\n"),
      get("/api/v1/status", "Origin: null\r\n"),
      post("/api/v1/exposed", R"({"target":"3000"})", "text/plain"),
      post("/api/v1/exposed", R"({"target":"3000"})", "application/x-www-form-urlencoded"),
      ask("OPTIONS /api/v1/exposed HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
          "Access-Control-Request-Method: POST\r\n" +
          tail),
      ask("OPTIONS /api/v1/exposed HTTP/1.1\r\nHost: localhost\r\n" + tail)};
  for (const auto& answer : refused) {
    EXPECT_TRUE(has_status(answer, 403)) << answer;
    EXPECT_FALSE(answer.contains("Access-Control")) << answer;
  }
  EXPECT_EQ(control_.calls, 0);
  EXPECT_EQ(counters().refused_origin, 6u);  // the two bodies are the router's to refuse
  for (const std::string host : {"localhost", "localhost:80", "127.0.0.1:9", "[::1]:9", "weft"})
    EXPECT_TRUE(
        has_status(ask("GET /api/v1/status HTTP/1.1\r\nHost: " + host + "\r\n" + tail), 200))
        << host;
  EXPECT_TRUE(has_status(post("/api/v1/exposed", R"({"target":"3000"})"), 200));
  EXPECT_EQ(control_.calls, 6);
}

// N32: each row is refused or times out, its connection closed, and moves one counter by one.
TEST_F(ServerTest, SmugglingAndMalformedHeadersAreRefused) {
  ServerOptions options;
  options.read_timeout = std::chrono::milliseconds(200);
  start(options);
  struct Row {
    std::string name, bytes;
    std::vector<int> statuses;
  };
  const std::string start_line = "POST /api/v1/exposed HTTP/1.1\r\nHost: localhost\r\n";
  const std::string type = "Content-Type: application/json\r\n";
  const std::string body = R"({"target":"3000"})";
  const std::string length = "Content-Length: 17\r\n";
  std::string many = start_line;
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  const std::vector<Row> rows{
      {"two lengths", start_line + type + length + "Content-Length: 5\r\n\r\n" + body, {400}},
      {"one length twice", start_line + type + length + length + "\r\n" + body, {400}},
      {"length and chunked",
       start_line + type + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {400}},
      {"chunked and length",
       start_line + type + "Transfer-Encoding: chunked\r\n" + length + "\r\n0\r\n\r\n",
       {400}},
      {"bare LF", "GET /api/v1/status HTTP/1.1\nHost: localhost\n\n", {400, 408}},
      {"LF in a value", "GET /api/v1/status HTTP/1.1\r\nHost: local\nhost\r\n\r\n", {400}},
      {"64 KiB header", start_line + "a: " + std::string(65'536, 'a') + "\r\n\r\n", {431}},
      {"10,000 headers", many + "\r\n", {431}},
      {"space before colon", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", {400}},
      {"no version", "GET /api/v1/status\r\n\r\n", {400}},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), {400}},
      {"negative length", start_line + type + "Content-Length: -1\r\n\r\n", {400}},
      {"huge length", start_line + type + "Content-Length: 99999999999999999999\r\n\r\n", {400}},
      {"half a header", "GET /api/v1/status HTTP/1.1\r\nHo", {408}},
      {"half a body", start_line + type + length + "\r\n{", {408}}};
  for (const auto& row : rows) {
    const auto before = counters();
    const auto answer = ask(row.bytes);
    bool matched = false;
    for (const int status : row.statuses) matched = matched || has_status(answer, status);
    EXPECT_TRUE(matched) << row.name << ": " << answer;
    EXPECT_TRUE(answer.contains("Connection: close")) << row.name;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 8), std::string::npos) << row.name << ": two answers";
    const auto after = counters();
    EXPECT_EQ(after.malformed + after.too_large + after.timeouts,
              before.malformed + before.too_large + before.timeouts + 1)
        << row.name;
  }
  EXPECT_EQ(control_.calls, 0);
  EXPECT_TRUE(has_status(post("/api/v1/exposed", body), 200));  // the same body, well sent
}

TEST_F(ServerTest, BodiesUpToTheLimitOnly) {
  start();
  const std::string open = R"({"target":"3000","name":")", close = "\"}";
  const auto padded = open + "blog" + close;
  const auto fits = padded + std::string(64 * 1024 - padded.size(), ' ');
  EXPECT_TRUE(has_status(post("/api/v1/exposed", fits), 200));
  const auto over = post("/api/v1/exposed", fits + " ");
  EXPECT_TRUE(has_status(over, 413)) << over;
  const auto chunked =
      ask("POST /api/v1/exposed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          "Transfer-Encoding: chunked\r\n\r\n10001\r\n" +
          std::string(65'537, ' ') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(has_status(chunked, 413)) << chunked;
  EXPECT_EQ(counters().too_large, 2u);
}

TEST_F(ServerTest, DepthThirtyThreeIsRefused) {
  start();
  const auto nested = [](int depth) {  // the object is one level, the lists are the others
    const auto lists = static_cast<std::size_t>(depth - 1);
    return R"({"allow":)" + std::string(lists, '[') + std::string(lists, ']') + "}";
  };
  EXPECT_TRUE(post("/api/v1/exposed", nested(33)).contains("32 levels"));
  const auto fine = post("/api/v1/exposed", nested(32));  // parses; then it is no list of texts
  EXPECT_FALSE(fine.contains("levels")) << fine;
  EXPECT_TRUE(fine.contains("must be a list")) << fine;
}

TEST_F(ServerTest, WrongMethodNamesTheRightOnes) {
  start();
  const auto answer =
      ask("PATCH /api/v1/mappings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has_status(answer, 405)) << answer;
  EXPECT_TRUE(answer.contains("Allow: GET, POST\r\n")) << answer;
  EXPECT_TRUE(has_status(get("/api/v1/nothing"), 404));
  EXPECT_TRUE(has_status(get("/api/v1/status?x=1"), 400));
}

// N33, the part for sockets: a process of another user.
TEST_F(ServerTest, AnotherUserIsRefused) {
  ServerOptions options;
  options.allowed_uid = ::geteuid() + 1;
  start(options);
  const auto answer = get("/api/v1/status");
  EXPECT_TRUE(has_status(answer, 403)) << answer;
  EXPECT_EQ(control_.calls, 0);
  EXPECT_EQ(counters().refused_uid, 1u);
}

TEST_F(ServerTest, KeepsAConnectionAndAnswersPipelinedRequestsInOrder) {
  start();
  const auto c = client();
  c.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const auto all = c.read_all();
  const auto first = all.find("alive"), second = all.find("weft.version/1"),
             third = all.find("ready");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
  EXPECT_EQ(counters().accepted, 1u);
}

std::string wait_for_far() {
  const std::string body = R"({"condition":"node:far"})";
  return "POST /api/v1/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Those that wait leave places for short calls; idle ones make room for whoever comes.
TEST_F(ServerTest, WhoWaitsLeavesPlacesForShortCalls) {
  start();
  std::vector<RawClient> idle;
  for (int i = 0; i < 80; ++i) idle.push_back(client());
  EXPECT_TRUE(has_status(get("/healthz"), 200));
  idle.clear();
  std::vector<RawClient> busy;
  for (int i = 0; i < 100; ++i) {
    busy.push_back(client());
    busy.back().send(wait_for_far());
  }
  const auto one_more = busy.back().read_until("}\n");
  EXPECT_TRUE(has_status(one_more, 503)) << one_more;
  EXPECT_TRUE(one_more.contains("too many calls wait")) << one_more;
  EXPECT_EQ(control_.waits, 48);
  EXPECT_TRUE(has_status(get("/healthz"), 200));
  EXPECT_TRUE(has_status(get("/api/v1/status"), 200));
  EXPECT_TRUE(has_status(post("/api/v1/exposed/blog/deny", R"({"who":"laptop"})"), 200));
  on_loop([&] {  // half get their answer, the others give up
    for (std::size_t i = 0; i < 24; ++i) control_.waiting[i](WaitResult{"node:far", 5});
  });
  for (std::size_t i = 0; i < 24; ++i)
    EXPECT_TRUE(busy[i].read_until("waited_ms").contains("\"waited_ms\":5"));
  busy.clear();
  while (true) {
    std::size_t left = 0;
    on_loop([&] { left = server_->connections(); });
    if (left == 0) break;
  }
  EXPECT_TRUE(has_status(get("/healthz"), 200));
  on_loop([&] {  // answers for clients that left
    for (std::size_t i = 24; i < 48; ++i) control_.waiting[i](WaitResult{"node:far", 5});
  });
}

// Unfinished headers and bodies hold a place only until somebody else wants it.
TEST_F(ServerTest, WhoAsksSlowlyMakesRoomAndIsTold) {
  for (const std::string& half :
       {std::string("GET /version HT"),
        std::string("POST /api/v1/exposed HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/json\r\nContent-Length: 60000\r\n\r\n{")}) {
    if (!server_) start();
    std::vector<RawClient> slow;
    for (int i = 0; i < 64; ++i) {
      slow.push_back(client());
      slow.back().send(half);
    }
    std::string answer;
    for (int tries = 0; tries < 10'000 && !has_status(answer, 200); ++tries)
      answer = get("/api/v1/status");  // refused, in words, until they count as slow
    EXPECT_TRUE(has_status(answer, 200)) << answer;
    const auto told = slow.front().read_all();
    EXPECT_TRUE(has_status(told, 503)) << told;
  }
}

TEST_F(ServerTest, WithoutADescriptorTheClientIsToldAllTheSame) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan opens a pipe to look at objects: it needs descriptors itself";
#endif
  io::raise_descriptor_limit();  // and the spare is taken
  start();
  std::unique_ptr<RawClient> hopeless;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  on_loop([&] {  // nobody accepts meanwhile
    hopeless = std::make_unique<RawClient>(socket());
    const io::UniqueFd probe(::dup(0));
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(probe.value());
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  });
  const auto answer = hopeless->read_all();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(has_status(answer, 503)) << answer;
  EXPECT_TRUE(answer.contains("no file descriptor left")) << answer;
  EXPECT_TRUE(has_status(get("/healthz"), 200));
}

TEST_F(ServerTest, EveryoneTooManyIsAnswered) {
  ServerOptions options;
  options.max_connections = 4;
  start(options);
  std::vector<RawClient> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(client());
    slow.back().send("GET /version HT");
  }
  while (true) {
    std::size_t here = 0;
    on_loop([&] { here = server_->connections(); });
    if (here == 4) break;
  }
  std::vector<RawClient> more;
  for (int i = 0; i < 20; ++i) {
    more.push_back(client());
    more.back().send("GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  for (auto& one : more) {
    const auto answer = one.read_until("}\n");
    EXPECT_TRUE(has_status(answer, 503) || has_status(answer, 200)) << answer;
  }
}

TEST_F(ServerTest, WhoWaitsIsToldWhenTheClientHasGone) {
  start();
  const std::string body = R"({"condition":"node:oak"})";
  const auto wait =
      "POST /api/v1/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto stays = client();
  {
    const auto goes = client();
    stays.send(wait);
    while (control_.waits < 1) std::this_thread::yield();
    goes.send(wait);
    while (control_.waits < 2) std::this_thread::yield();
  }
  bool told = false;
  while (!told) on_loop([&] { told = !*control_.wanted.at(1); });
  on_loop([&] {
    EXPECT_TRUE(*control_.wanted.at(0));
    for (auto& done : control_.waiting) done(WaitResult{"node:oak", 1});
  });
  EXPECT_TRUE(stays.read_until("}\n").contains("\"success\":true"));
}

TEST_F(ServerTest, PipeHandsTheSocketOver) {
  start();
  const auto c = client();
  c.send(
      "GET /api/v1/pipe/echo HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n"
      "Upgrade: weft-pipe\r\n\r\nearly ");
  const auto head = c.read_until("\r\n\r\n");
  EXPECT_TRUE(has_status(head, 101)) << head;
  c.send("and late");
  c.finish();
  EXPECT_EQ(c.read_all(), "early and late");
  EXPECT_EQ(counters().pipes, 1u);
  EXPECT_TRUE(has_status(get("/api/v1/pipe/echo"), 426));
  EXPECT_TRUE(has_status(ask("GET /api/v1/pipe/none HTTP/1.1\r\nHost: localhost\r\n"
                             "Connection: upgrade, close\r\nUpgrade: weft-pipe\r\n\r\n"),
                         404));
}

// A module with one route, whose answer goes on.
struct Ticker {
  std::vector<std::shared_ptr<AnswerStream>> streams;
  std::string last_event_id;
  int closed = 0;
};

struct OneHost final : Hosts {
  Host host;
  [[nodiscard]] ApiResult<const Host*> of(const std::string&) const override { return &host; }
};

void run_ticks(Ticker& ticker, Call& call) {
  ticker.last_event_id = call.last_event_id;
  ApiAnswer answer;
  answer.stream = StreamAnswer{"text/event-stream", "event: gap\n\n", [&ticker](auto stream) {
                                 stream->when_closed([&ticker] { ++ticker.closed; });
                                 ticker.streams.push_back(std::move(stream));
                               }};
  call.answer(std::move(answer));
}

void run_wrong(std::string&, Call& call) { send_data(call.answer, Json::object()); }

TEST_F(ServerTest, AStreamGoesOnUntilItsClientLeaves) {
  Ticker ticker;
  OneHost hosts;
  hosts.host.offer<Ticker>(ticker);
  ServerOptions options;
  options.max_connections = 4;
  start(options,
        Router(hosts, {{"GET", "/ticks", "Ticks", "x/1", {}, run_ticks, "", Takes::Stream},
                       {"GET", "/wrong", "Its part is not offered", "x/1", {}, run_wrong}}));
  EXPECT_TRUE(has_status(get("/wrong"), 404));
  {
    const auto c = client();
    c.send("GET /ticks HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 41\r\n\r\n");
    auto all = c.read_until("\r\n\r\n");
    EXPECT_TRUE(has_status(all, 200)) << all;
    EXPECT_TRUE(all.contains("Content-Type: text/event-stream\r\n")) << all;
    on_loop([&] {
      EXPECT_EQ(ticker.last_event_id, "41");
      EXPECT_TRUE(ticker.streams.at(0)->write("id: 42\n\n"));
    });
    EXPECT_EQ(c.read_until("\n\n\r\n"), "8\r\nid: 42\n\n\r\n");
    std::vector<RawClient> more;  // streams leave places for short calls
    for (int i = 0; i < 4; ++i) {
      more.push_back(client());
      more.back().send("GET /ticks HTTP/1.1\r\nHost: localhost\r\n\r\n");
      const auto told = more.back().read_until("\r\n\r\n");
      EXPECT_TRUE(has_status(told, i < 2 ? 200 : 503)) << i << told;
      if (i >= 2) more.pop_back();
    }
    EXPECT_TRUE(has_status(get("/nothing"), 404));
    EXPECT_EQ(counters().streams, 3u);
  }
  int closed = 0;
  while (closed < 3) on_loop([&] { closed = ticker.closed; });
  on_loop([&] {
    EXPECT_FALSE(ticker.streams.at(0)->write("id: 43\n\n"));
    EXPECT_EQ(server_->connections(), 0u);
  });
  const auto last = client();
  last.send("GET /ticks HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_FALSE(last.read_until("\r\n\r\n").contains("chunked"));
  on_loop([&] {
    EXPECT_TRUE(ticker.streams.back()->write("id: 44\n\n"));
    server_->stop();
  });
  EXPECT_EQ(last.read_all(), "id: 44\n\n");
  on_loop([&] {
    EXPECT_EQ(ticker.closed, 4);
    server_.reset();  // before the ticker
  });
}

TEST_F(ServerTest, SecondServerOnTheSameSocketIsBusyAndAStaleFileIsReplaced) {
  start();
  on_loop([&] {
    ServerOptions options;
    options.socket = socket();
    HttpServer second(loop_, Router(control_), options);
    const auto result = second.start();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::Busy);
  });
  EXPECT_TRUE(has_status(get("/healthz"), 200));
  const auto stale = home_.path() / "stale.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, stale.c_str(), stale.native().size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  on_loop([&] {
    ServerOptions options;
    options.socket = stale;
    HttpServer third(loop_, Router(control_), options);
    EXPECT_TRUE(third.start());
  });
  EXPECT_FALSE(std::filesystem::exists(stale));  // and removed when its server ends
}

TEST_F(ServerTest, ALostSocketIsBoundAgain) {
  start();
  const auto keep = [&] {
    Result<bool> out = false;
    on_loop([&] { out = server_->keep_bound(); });
    return out && *out;
  };
  EXPECT_FALSE(keep());
  std::filesystem::remove(socket());
  EXPECT_TRUE(keep());
  EXPECT_FALSE(keep());
  EXPECT_TRUE(has_status(get("/api/v1/status"), 200));
  std::filesystem::rename(socket(), home_.path() / "moved");
  std::filesystem::create_symlink("nowhere", socket());  // nothing of ours: left alone
  EXPECT_FALSE(keep());
  std::filesystem::remove(socket());
  EXPECT_TRUE(keep());
  EXPECT_TRUE(has_status(get("/api/v1/status"), 200));
}

}  // namespace
}  // namespace weft::api
