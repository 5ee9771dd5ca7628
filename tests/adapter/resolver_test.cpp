#include "node/adapter/resolver.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "node/io/clock.hpp"

namespace weft::adapter {
namespace {

// Name servers that are silent until the test lets them speak. Lookups of a resolver that is gone
// may still be asking them.
class SilentServers {
 public:
  Resolution look(const std::string& host) {
    std::unique_lock lock(mutex_);
    ++asked_[host];
    under_way_.insert(host);
    changed_.notify_all();
    changed_.wait(lock, [&] { return all_free_ || free_.contains(host); });
    under_way_.erase(host);
    Resolution out;
    out.addresses.push_back(io::to_socket_address(Endpoint::v4(0x0a000001, 0)));
    return out;
  }
  void let_go(const std::string& host) {
    const std::scoped_lock lock(mutex_);
    free_.insert(host);
    changed_.notify_all();
  }
  void let_all_go() {
    const std::scoped_lock lock(mutex_);
    all_free_ = true;
    changed_.notify_all();
  }
  void wait_until_asked(std::size_t names) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return under_way_.size() >= names; });
  }
  int times_asked(const std::string& host) {
    const std::scoped_lock lock(mutex_);
    return asked_[host];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> asked_;
  std::set<std::string> under_way_, free_;
  bool all_free_ = false;
};

class ResolverTest : public ::testing::Test {
 protected:
  ~ResolverTest() override { servers_->let_all_go(); }

  void let_go(const std::string& host) { servers_->let_go(host); }
  void let_all_go() { servers_->let_all_go(); }
  void wait_until_asked(std::size_t names) { servers_->wait_until_asked(names); }
  int times_asked(const std::string& host) { return servers_->times_asked(host); }
  Resolver::Ticket ask(const std::string& host, std::uint16_t port = 80) {
    const auto ticket = resolver_.resolve(host, port, [this, host](const Resolution& found) {
      ++answered_[host];
      last_ = found;
    });
    return ticket ? *ticket : 0;
  }
  template <class Done>
  bool turn_until(Done done) {
    const Instant limit = io::monotonic_time() + 20s;
    while (!done() && io::monotonic_time() < limit) loop_.run_for(5ms);
    return done();
  }

  std::shared_ptr<SilentServers> servers_ = std::make_shared<SilentServers>();
  std::map<std::string, int> answered_;
  Resolution last_;
  io::EventLoop loop_;
  Resolver resolver_{loop_,
                     [servers = servers_](const std::string& host) { return servers->look(host); }};
};

TEST_F(ResolverTest, ASilentNameDelaysItsOwnCallersOnly) {
  for (int i = 0; i < 10; ++i) EXPECT_NE(ask("dead.test"), 0u);
  wait_until_asked(1);
  let_go("good.test");
  ask("good.test", 443);
  ASSERT_TRUE(turn_until([&] { return answered_["good.test"] == 1; }));
  EXPECT_EQ(answered_["dead.test"], 0);
  EXPECT_EQ(io::to_endpoint(last_.addresses.at(0).storage), Endpoint::v4(0x0a000001, 443));
  let_go("dead.test");
  ASSERT_TRUE(turn_until([&] { return answered_["dead.test"] == 10; }));
  EXPECT_EQ(times_asked("dead.test"), 1);  // one lookup, ten answers
}

TEST_F(ResolverTest, WhoCancelledIsForgottenAndALookupNobodyWaitsForIsNotBegun) {
  for (const auto* name : {"a.test", "b.test", "c.test"}) ask(name);
  wait_until_asked(Resolver::kThreads - 1);
  const auto waits = ask("late.test");
  resolver_.cancel(waits);
  const auto joins = ask("a.test");
  resolver_.cancel(joins);
  ask("end.test");
  let_all_go();
  ASSERT_TRUE(turn_until([&] { return answered_["end.test"] == 1 && answered_["a.test"] == 1; }));
  EXPECT_EQ(times_asked("late.test"), 0);
  EXPECT_EQ(answered_["late.test"], 0);
}

TEST_F(ResolverTest, ManyNewNamesThatAreSilentLeaveAThreadToThoseThatAnswered) {
  let_go("good.test");
  ask("good.test");
  ASSERT_TRUE(turn_until([&] { return answered_["good.test"] == 1; }));
  for (int i = 0; i < 20; ++i) ask("silent" + std::to_string(i) + ".test");
  wait_until_asked(Resolver::kThreads - 1);
  ask("good.test");
  ASSERT_TRUE(turn_until([&] { return answered_["good.test"] == 2; }));
  int silent = 0;
  for (int i = 0; i < 20; ++i) silent += times_asked("silent" + std::to_string(i) + ".test");
  EXPECT_EQ(silent, static_cast<int>(Resolver::kThreads) - 1);
  let_all_go();
  ASSERT_TRUE(turn_until([&] { return answered_["silent19.test"] == 1; }));
}

TEST_F(ResolverTest, ANameUnderWayIsNotAskedForAgainByWhoComesAfterACancelledOne) {
  const auto first = ask("slow.test");
  wait_until_asked(1);
  resolver_.cancel(first);
  ask("slow.test");
  let_go("slow.test");
  ASSERT_TRUE(turn_until([&] { return answered_["slow.test"] == 1; }));
  EXPECT_EQ(times_asked("slow.test"), 1);
}

TEST_F(ResolverTest, ACallerMayCancelAnotherWhileItIsAnswered) {
  int answers = 0;
  Resolver::Ticket one = 0, two = 0;
  one = *resolver_.resolve("x.test", 1, [&](const Resolution&) {
    ++answers;
    resolver_.cancel(two);
  });
  two = *resolver_.resolve("x.test", 2, [&](const Resolution&) {
    ++answers;
    resolver_.cancel(one);
  });
  let_all_go();
  ASSERT_TRUE(turn_until([&] { return answers > 0; }));
  while (loop_.run_for(1ms)) {
  }
  EXPECT_EQ(answers, 1);
}

TEST_F(ResolverTest, CallersOfOneNameHaveALimitOfTheirOwn) {
  std::size_t taken = 0;
  while (ask("dead.test") != 0) ++taken;
  EXPECT_EQ(taken, Resolver::kMaxPerName);
  EXPECT_NE(ask("other.test"), 0u);
}

TEST(KnownAddresses, LocalhostAndLiteralsNeedNobody) {
  const auto local = known_addresses("LocalHost", 3000);
  ASSERT_EQ(local.size(), 2u);
  EXPECT_EQ(to_text(io::to_endpoint(local[0].storage)), "127.0.0.1:3000");
  EXPECT_EQ(to_text(io::to_endpoint(local[1].storage)), "[::1]:3000");
  EXPECT_EQ(known_addresses("a.localhost.", 1).size(), 2u);
  EXPECT_EQ(known_addresses("192.0.2.1", 7).size(), 1u);
  EXPECT_EQ(to_text(io::to_endpoint(known_addresses("2001:db8::1", 7).at(0).storage)),
            "[2001:db8::1]:7");
  EXPECT_TRUE(known_addresses("example.test", 7).empty());
  EXPECT_TRUE(known_addresses("notlocalhost", 7).empty());
}

}  // namespace
}  // namespace weft::adapter
