// The body parser against JSONTestSuite, its own bounds, and the routes' checks of fields.
#include "node/api/json.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "node/api/routes.hpp"
#include "tests/api/fake_control.hpp"

namespace weft::api {
namespace {

std::string from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) break;  // padding
    bits = bits << 6 | static_cast<unsigned>(value);
    if ((have += 6) < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xff);
  }
  return out;
}

// Two rows are given as a rule, being long: openings without end.
std::string text_of_row(const nlohmann::json& row) {
  if (row.contains("b64")) return from_base64(row.at("b64").get<std::string>());
  const bool lists = row.at("name") == "n_structure_100000_opening_arrays.json";
  std::string out;
  for (int i = 0; i < (lists ? 100'000 : 50'000); ++i) out += lists ? "[" : R"([{"":)";
  return out;
}

nlohmann::json load_suite() {
  const char* folder = std::getenv("WEFT_VECTORS");
  const std::filesystem::path root =
      folder != nullptr ? folder : WEFT_SOURCE_DIR "/../shared/vectors";
  std::ifstream in(root / "json" / "jsontestsuite_parsing.json");
  return in ? nlohmann::json::parse(in, nullptr, false) : nlohmann::json();
}

// N41, the JSON part: every n_ row is refused; every y_ row is accepted but those that say a key
// twice, which we refuse on purpose.
TEST(Json, AgreesWithTheSuite) {
  const auto suite = load_suite();
  if (suite.is_null()) {
    ASSERT_EQ(std::getenv("WEFT_REQUIRE_VECTORS"), nullptr) << "vectors are missing";
    GTEST_SKIP() << "no vectors: set WEFT_VECTORS";
  }
  const std::set<std::string> twice{"y_object_duplicated_key", "y_object_duplicated_key_and_value"};
  int refused = 0, accepted = 0;
  for (const auto& row : suite.at("vectors")) {
    auto name = row.at("name").get<std::string>();
    if (name.ends_with(".json")) name.resize(name.size() - 5);
    const auto result = parse_json(text_of_row(row));
    if (name.starts_with("n_")) {
      EXPECT_FALSE(result) << name;
      ++refused;
    } else if (name.starts_with("y_")) {
      EXPECT_EQ(result.has_value(), !twice.contains(name)) << name;
      ++accepted;
    }
  }
  EXPECT_EQ(refused, 188);
  EXPECT_EQ(accepted, 95);
}

TEST(Json, BoundsHold) {
  EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']')));
  EXPECT_FALSE(parse_json(std::string(33, '[') + std::string(33, ']')));
  EXPECT_FALSE(parse_json(std::string(kMaxBody, '[')));
  EXPECT_TRUE(parse_json("1" + std::string(kMaxBody - 1, ' ')));
  EXPECT_FALSE(parse_json("1" + std::string(kMaxBody, ' ')));
  EXPECT_FALSE(parse_json("1e999"));
  EXPECT_FALSE(parse_json(R"({"a":1,"a":2})"));
  EXPECT_TRUE(parse_json(R"({"a":{"a":1}})"));
}

TEST(Json, TimesAreRfc3339) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(1'767'225'600), "2026-01-01T00:00:00Z");
}

TEST(Json, BadUtf8FromBelowDoesNotThrow) {
  const auto text = error_envelope({Code::Failed, "peer \xff\xfe said", "", ""});
  EXPECT_TRUE(parse_json(text));
}

class RouterTest : public ::testing::Test {
 protected:
  ApiAnswer ask(std::string method, std::string target, std::string body = {}) {
    ApiAnswer out;
    int answers = 0;
    router_.handle({std::move(method), std::move(target), "application/json", std::move(body)},
                   [&](ApiAnswer a) {
                     out = std::move(a);
                     ++answers;
                   });
    EXPECT_EQ(answers, 1);
    return out;
  }
  FakeControl control_;
  Router router_{control_};
};

TEST_F(RouterTest, TargetsBecomeCanonicalAndNamesAreMade) {
  EXPECT_EQ(ask("POST", "/api/v1/exposed", R"({"target":"3000"})").status, 200);
  EXPECT_EQ(control_.exposed.target, "localhost:3000");
  EXPECT_EQ(control_.exposed.name, "tcp-3000");
  EXPECT_EQ(
      ask("POST", "/api/v1/exposed", R"({"target":"unix:/run/My App.sock","allow":["*"]})").status,
      200);
  EXPECT_EQ(control_.exposed.name, "my-app-sock");
  EXPECT_EQ(control_.exposed.allow, std::vector<std::string>{"*"});
}

TEST_F(RouterTest, ChangesAreToldToTheLogWithTheirOutcomeAndNoSecret) {
  ask("POST", "/api/v1/exposed/blog/allow", R"({"who":"laptop"})");
  ask("POST", "/api/v1/join", R"({"ticket":"wt1stolen\u001b"})");
  ask("POST", "/api/v1/invites", R"({"name":"tv","may":["expose","admin"],"ttl_s":60})");
  ask("DELETE", "/api/v1/members/nobody");
  ask("DELETE", "/api/v1/exposed/blog");
  ask("PUT", "/api/v1/groups/friends/laptop");
  ask("GET", "/api/v1/status");
  ask("POST", "/api/v1/ping", R"({"node":"laptop"})");
  ASSERT_EQ(control_.audited.size(), 6u);
  EXPECT_EQ(control_.audited[0],
            "event=audit action=allow path=/api/v1/exposed/blog/allow who=laptop result=ok");
  EXPECT_EQ(control_.audited[1], R"(event=audit action=join path=/api/v1/join result=refused )"
                                 R"(err="this ticket is not valid")");
  EXPECT_TRUE(control_.audited[2].starts_with("event=audit action=invite "));
  EXPECT_TRUE(control_.audited[2].contains(R"(may="expose,admin")")) << control_.audited[2];
  EXPECT_EQ(control_.audited[3],
            R"(event=audit action=remove path=/api/v1/members/nobody result=refused )"
            R"(err="no node named nobody")");
  EXPECT_TRUE(control_.audited[4].starts_with("event=audit action=unexpose "));
  EXPECT_TRUE(control_.audited[5].starts_with("event=audit action=group-add "));
}

TEST_F(RouterTest, FieldsAreChecked) {
  EXPECT_TRUE(
      ask("POST", "/api/v1/exposed", R"({"target":"3000","alow":[]})").body.contains("alow"));
  EXPECT_EQ(ask("POST", "/api/v1/exposed", R"({"target":3000})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/exposed", R"({})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/exposed", "").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/exposed", "[]").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/exposed", R"({"target":"3000","name":"No Label"})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/exposed", R"({"target":"3000","allow":["a b"]})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/exposed", R"({"target":"3000","protocol":"sctp"})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/mappings", R"({"service":"blog","timeout_ms":-1})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/mappings", R"({"service":"blog","timeout_ms":1.5})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/invites", R"({"name":"laptop","may":["fly"]})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/wait", R"({"condition":"weather:fine"})").status, 400);
  EXPECT_EQ(control_.calls, 0);
  EXPECT_EQ(ask("POST", "/api/v1/mappings", R"({"service":"blog@oak","timeout_ms":1500})").status,
            200);
  EXPECT_EQ(control_.opened.node, "oak");
  EXPECT_EQ(control_.opened.timeout, std::chrono::milliseconds(1500));
}

TEST_F(RouterTest, AQuerySaysWhatABodyWould) {
  EXPECT_EQ(ask("POST", "/api/v1/exposed?target=3000&name=my%2Dblog&allow=oak&allow=group:all", "")
                .status,
            200);
  EXPECT_EQ(control_.exposed.name, "my-blog");
  EXPECT_EQ(control_.exposed.allow, (std::vector<std::string>{"oak", "group:all"}));
  EXPECT_EQ(
      ask("POST", "/api/v1/mappings?once=true&timeout_ms=1500", R"({"service":"blog"})").status,
      200);
  EXPECT_TRUE(control_.opened.once);
  EXPECT_EQ(control_.opened.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(ask("GET", "/api/v1/status?").status, 200);
  const int calls = control_.calls;
  for (const char* bad : {"?target=1&target=2", "?target=%", "?target=%00", "?target=1&tarket=2",
                          "?target=1#end", "?%74arget=1&target=1"})
    EXPECT_EQ(ask("POST", std::string("/api/v1/exposed") + bad).status, 400) << bad;
  EXPECT_EQ(ask("POST", "/api/v1/exposed?target=1", R"({"target":"1"})").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/mappings?service=blog&timeout_ms=soon").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/mappings?service=blog&once=perhaps").status, 400);
  std::string many = "/api/v1/exposed?target=1";
  for (int i = 0; i < 65; ++i) many += "&allow=oak";
  EXPECT_EQ(ask("POST", many).status, 400);
  EXPECT_EQ(control_.calls, calls);
}

TEST_F(RouterTest, EveryRouteTakesANetwork) {
  EXPECT_EQ(ask("GET", "/api/v1/status?network=home").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/members?network=wn1example").status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/exposed/blog/allow", R"({"who":"*","network":"home"})").status,
            200);
  EXPECT_TRUE(control_.audited.back().contains(" network=home ")) << control_.audited.back();
  const int calls = control_.calls;
  EXPECT_EQ(ask("GET", "/api/v1/status?network=work").status, 404);
  EXPECT_EQ(ask("POST", "/api/v1/exposed/blog/deny?network=work", R"({"who":"*"})").status, 404);
  EXPECT_EQ(control_.calls, calls);
  EXPECT_EQ(control_.audited.size(), 1u);
}

TEST_F(RouterTest, PathsAreDecodedOnceAndStrictly) {
  EXPECT_EQ(ask("DELETE", "/api/v1/mappings/blog%40oak").status, 200);
  for (const char* bad : {"", "api/v1/status", "/api/v1/mappings/%2e%2", "/api/v1/mappings/a%2fb",
                          "/api/v1/mappings/%00", "/api/v1/mappings/%zz", "/a/b/c/d/e/f/g/h/i"})
    EXPECT_EQ(ask("DELETE", bad).status, 400) << bad;
  EXPECT_EQ(ask("DELETE", "/api/v1/members/..").status, 400);
  EXPECT_EQ(ask("DELETE", "/api/v1/mappings").status, 405);
}

TEST_F(RouterTest, ErrorsCarryCodeStatusAndFix) {
  const auto denied = ask("POST", "/api/v1/mappings", R"({"service":"secret"})");
  EXPECT_EQ(denied.status, 403);
  const auto body = Json::parse(denied.body);
  EXPECT_EQ(body["success"], false);
  EXPECT_EQ(body["code"], 5);
  EXPECT_EQ(body["error"]["type"], "urn:weft:error:denied");
  EXPECT_EQ(body["error"]["fix"], "on oak: weft allow secret laptop");
  EXPECT_EQ(ask("POST", "/api/v1/ping", R"({"node":"far"})").status, 502);
  EXPECT_EQ(ask("DELETE", "/api/v1/members/ghost").status, 404);
}

TEST_F(RouterTest, OpenApiNamesEveryRoute) {
  const auto document = Json::parse(ask("GET", "/api/v1/openapi.json").body);
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_TRUE(document["paths"]["/api/v1/exposed"].contains("post"));
  EXPECT_TRUE(document["paths"]["/api/v1/groups/{p1}/{p2}"].contains("put"));
  const auto& schema = document["paths"]["/api/v1/invites"]["post"]["requestBody"]["content"]
                               ["application/json"]["schema"];
  EXPECT_EQ(schema["required"], Json::array({"name"}));
  EXPECT_EQ(schema["additionalProperties"], false);
}

}  // namespace
}  // namespace weft::api
