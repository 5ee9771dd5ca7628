#include "node/change_watch.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::node {
namespace {

const ChangeWatch::Where kHome{NetworkId{{1}}, "home"};
const ChangeWatch::Where kWork{NetworkId{{2}}, "work"};

struct Watched {
  std::vector<std::string> lines;
  events::Recorder recorder{
      1, [] { return events::Recorder::Moment{}; },
      [this](events::Level, const std::string& line) { lines.push_back(line); }};
  ChangeWatch watch{recorder};
  SeededRng rng{1};
  std::vector<std::string> told() { return std::exchange(lines, {}); }
  overlay::MemberView member(const std::string& name) {
    overlay::MemberView view;
    view.id = Identity::generate(rng).id;
    view.name = name;
    return view;
  }
};

using Lines = std::vector<std::string>;

TEST(ChangeWatch, TellsOfMembersThatCameChangedAndWent) {
  Watched w;
  auto a = w.member("a"), b = w.member("b");
  w.watch.look(kHome, std::vector{a});
  EXPECT_TRUE(w.told().empty()) << "what there was is no news";
  w.watch.look(kHome, std::vector{a, b});
  EXPECT_EQ(w.told(), (Lines{"event=member_added peer=b node=" + to_text(b.id)}));
  b.name = "c";
  b.admin = true;
  w.watch.look(kHome, std::vector{a, b});
  EXPECT_EQ(w.told(),
            (Lines{"event=member_changed peer=c node=" + to_text(b.id) + " was=b may=admin"}));
  w.watch.look(kHome, std::vector{a, b});
  EXPECT_TRUE(w.told().empty());
  w.watch.look(kHome, std::vector{b});
  EXPECT_EQ(w.told(), (Lines{"event=member_removed peer=a node=" + to_text(a.id)}));
}

TEST(ChangeWatch, NetworksDoNotMix) {
  Watched w;
  const auto a = w.member("a");
  w.watch.look(kHome, std::vector{a});
  w.watch.look(kWork, std::vector<overlay::MemberView>{});
  EXPECT_TRUE(w.told().empty());
  w.watch.look(kWork, std::vector{a});
  EXPECT_EQ(w.told().size(), 1u);
  EXPECT_EQ(w.recorder.after(0)->network, "work");
}

TEST(ChangeWatch, NetworksOfOneNameAreTwo) {
  Watched w;
  const ChangeWatch::Where namesake{NetworkId{{9}}, "home"};
  w.watch.look(kHome, std::vector{w.member("a")});
  w.watch.look(namesake, std::vector{w.member("b")});
  EXPECT_TRUE(w.told().empty());
}

TEST(ChangeWatch, ANetworkThatWasLeftTakesItsServicesAlong) {
  Watched w;
  service::Exposure web{"web", service::Protocol::Tcp, *service::Target::from_text("8080")};
  w.watch.look(kHome, std::vector{web});
  w.watch.look(kWork, std::vector{web});
  w.watch.left(kWork);
  EXPECT_EQ(w.told(), (Lines{"event=service_unexposed service=web"}));
  EXPECT_EQ(w.recorder.after(0)->network, "work");
  w.watch.look(kHome, std::vector{web});
  w.watch.forget(kHome.network);
  w.watch.look(kHome, std::vector<service::Exposure>{});
  EXPECT_TRUE(w.told().empty());
}

TEST(ChangeWatch, TellsOfServicesAndDoors) {
  Watched w;
  service::Exposure web{"web", service::Protocol::Tcp, *service::Target::from_text("8080")};
  w.watch.look(kHome, std::vector<service::Exposure>{});
  w.watch.look(kHome, std::vector{web});
  web.target = *service::Target::from_text("8081");
  w.watch.look(kHome, std::vector{web});
  w.watch.look(kHome, std::vector<service::Exposure>{});
  EXPECT_EQ(w.told(), (Lines{"event=service_exposed service=web target=localhost:8080",
                             "event=service_exposed service=web target=localhost:8081",
                             "event=service_unexposed service=web"}));
  service::Mapping door;
  door.id = 4;
  door.service = "web";
  door.node = w.member("b").id;
  door.listen = Endpoint::v4(0x7f000001, 8080);
  const auto name = [](const NodeId&) { return std::string("b"); };
  w.watch.look(kHome, std::vector<service::Mapping>{}, name);
  w.watch.look(kHome, std::vector{door}, name);
  w.watch.look(kHome, std::vector<service::Mapping>{}, name);
  EXPECT_EQ(w.told(), (Lines{"event=door_opened door=4 service=web peer=b listen=127.0.0.1:8080",
                             "event=door_closed door=4 service=web"}));
}

TEST(ChangeWatch, TellsOfAddresses) {
  Watched w;
  w.watch.look(std::vector{Endpoint::v4(0x0a000001, 1)});
  w.watch.look(std::vector{Endpoint::v4(0x0a000001, 1)});
  EXPECT_TRUE(w.told().empty());
  w.watch.look(std::vector{Endpoint::v4(0x0a000002, 1)});
  EXPECT_EQ(w.told(), (Lines{"event=addresses_changed listen=10.0.0.2:1"}));
}

}  // namespace
}  // namespace weft::node
