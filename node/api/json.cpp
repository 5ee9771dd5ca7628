#include "node/api/json.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace weft::api {
namespace {

// Counts depth and remembers the keys of open objects; builds nothing.
class Guard final : public Json::json_sax_t {
 public:
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t value, const string_t&) override {
    return std::isfinite(value) || stop("a number is out of range");
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    return open_.back().insert(name).second ||
           stop("the key \"" + name.substr(0, 80) + "\" is there twice");
  }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    return stop("syntax error at byte " + std::to_string(at));
  }

 private:
  bool stop(std::string what) {
    problem = std::move(what);
    return false;
  }
  bool enter() {
    if (open_.size() == kMaxJsonDepth) return stop("more than 32 levels deep");
    open_.emplace_back();
    return true;
  }
  bool leave() {
    open_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> open_;
};

std::unexpected<ApiError> bad_json(std::string why) {
  return refuse(Code::Usage, "the body is not acceptable JSON", std::move(why));
}

struct CodeRow {
  Code code;
  std::string_view name;
  int status;
};
constexpr std::array<CodeRow, 10> kCodes{{{Code::Ok, "ok", 200},
                                          {Code::Failed, "failed", 500},
                                          {Code::Usage, "usage", 400},
                                          {Code::NotRunning, "not_running", 503},
                                          {Code::NotFound, "not_found", 404},
                                          {Code::Denied, "denied", 403},
                                          {Code::NoPath, "no_path", 502},
                                          {Code::Timeout, "timeout", 504},
                                          {Code::NotDirect, "not_direct", 409},
                                          {Code::BadConfig, "bad_config", 500}}};

const CodeRow& row_of(Code code) {
  for (const auto& row : kCodes)
    if (row.code == code) return row;
  return kCodes[1];
}

}  // namespace

ApiResult<Json> parse_json(std::string_view text) {
  if (text.size() > kMaxBody) return bad_json("more than 64 KiB");
  // The library takes a zero byte for the end of input and would ignore what follows.
  if (text.contains('\0')) return bad_json("a zero byte");
  Guard guard;
  if (!Json::sax_parse(text, &guard)) return bad_json(guard.problem);
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string rfc3339(UnixTime time) {
  std::tm parts{};
  const std::time_t seconds = time;
  if (::gmtime_r(&seconds, &parts) == nullptr) return "";
  std::array<char, 40> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

Json to_json(const ApiError& error) {
  Json out{{"type", "urn:weft:error:" + std::string(name_of(error.code))}, {"title", error.title}};
  if (!error.detail.empty()) out["detail"] = error.detail;
  if (!error.fix.empty()) out["fix"] = error.fix;
  return out;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string success_envelope(Json data) {
  return dump({{"success", true}, {"code", 0}, {"data", std::move(data)}});
}

std::string error_envelope(const ApiError& error) {
  return dump({{"success", false},
               {"code", static_cast<int>(error.code)},
               {"data", nullptr},
               {"error", to_json(error)}});
}

std::string_view name_of(Code code) { return row_of(code).name; }
int http_status(Code code) { return row_of(code).status; }

}  // namespace weft::api
