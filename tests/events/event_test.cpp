#include "node/events/event.hpp"

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace weft::events {
namespace {

NodeEvent event_of(Body body) {
  NodeEvent event;
  event.run = 1764475200;
  event.seq = 17;
  event.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1764475200123));
  event.level = kind_of(body).level;
  event.network = "home";
  event.body = std::move(body);
  return event;
}

TEST(Event, ALineHasTheFieldsInOrderAndQuotesWhatIsNotPlain) {
  EXPECT_EQ(log_line(PeerDown{"b", "wf1b", "idle timeout", ""}),
            R"(event=peer_down peer=b node=wf1b reason="idle timeout")");
  EXPECT_EQ(log_line(TargetFailed{"blog", "b", "127.0.0.1:80: refused\n\"x\""}),
            R"(event=target_failed service=blog peer=b err="127.0.0.1:80: refused\u000a\"x\"")");
  EXPECT_EQ(log_line(AddressesChanged{{"192.0.2.1:4242", "[2001:db8::1]:4242"}}),
            R"(event=addresses_changed listen="192.0.2.1:4242, [2001:db8::1]:4242")");
  EXPECT_EQ(log_line(Audit{"allow", "/api/v1/x", {{"who", "b"}}, "0", "ok", ""}),
            "event=audit action=allow path=/api/v1/x who=b uid=0 result=ok");
}

TEST(Event, JsonHasTheCommonFieldsAndThoseOfItsKind) {
  const Json json = to_json(event_of(DoorOpened{3, "blog", "oak", "127.0.0.1:8080"}));
  EXPECT_EQ(json.dump(),
            R"({"schema":"weft.event/1","id":"1764475200-17","seq":17,)"
            R"("time":"2025-11-30T04:00:00.123Z","kind":"door_opened","group":"doors",)"
            R"("level":"info","network":"home","text":"door 3 to blog at 127.0.0.1:8080",)"
            R"("door":3,"service":"blog","peer":"oak","listen":"127.0.0.1:8080"})");
}

template <class... T>
std::vector<Body> one_of_each(std::type_identity<std::variant<T...>>) {
  return {T{}...};
}

TEST(Event, EveryKindHasANameOfItsOwnAndASentenceOfItsFields) {
  std::set<std::string_view> names;
  for (const auto& body : one_of_each(std::type_identity<Body>{})) {
    const Kind& kind = kind_of(body);
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_TRUE(is_kind_or_group(kind.name));
    EXPECT_TRUE(picks({std::string(name_of(kind.group))}, body)) << kind.name;
    const Json json = to_json(event_of(body));
    std::set<std::string> keys;
    for (const auto& [key, value] : json.items()) keys.insert(key);
    EXPECT_EQ(keys.size(), json.size()) << kind.name;
    const std::string pattern(kind.sentence);
    for (auto at = pattern.find('{'); at != std::string::npos; at = pattern.find('{', at + 1)) {
      const auto field = pattern.substr(at + 1, pattern.find('}', at) - at - 1);
      EXPECT_TRUE(json.contains(field)) << kind.name << " has no field " << field;
    }
  }
  EXPECT_EQ(names.size(), all_kinds().size());
}

TEST(Event, LongTextsAreCutAtACharacter) {
  std::string text(kMaxText - 1, 'a');
  text += "\xc3\xa9 and more";
  Body body = PeerDown{"b", "", "", text};
  limit_texts(body);
  EXPECT_EQ(std::get<PeerDown>(body).err, std::string(kMaxText - 1, 'a'));
  Body list = AddressesChanged{Texts(100, "x")};
  limit_texts(list);
  EXPECT_EQ(std::get<AddressesChanged>(list).listen.size(), kMaxItems);
}

TEST(Event, PositionsAreReadBack) {
  const auto id = position_from_text("1764475200-17");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->run, 1764475200u);
  EXPECT_EQ(id->seq, 17u);
  const auto bare = position_from_text("4");
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->run);
  EXPECT_EQ(bare->seq, 4u);
  for (const auto* bad : {"", "-", "1-", "-1", "x", "1-2-3", "99999999999999999999999", "+1", "1 "})
    EXPECT_FALSE(position_from_text(bad)) << bad;
}

TEST(Event, ThePageIsWhatTheTableSays) {
  std::ifstream file(std::string(WEFT_SOURCE_DIR) + "/docs/events.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), reference()) << "make it anew: weft help --events > docs/events.md";
}

}  // namespace
}  // namespace weft::events
