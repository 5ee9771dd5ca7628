// The table behind the router: what each route takes and which Control call answers it.
// Internal to node/api: includes the full JSON header.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/api/control.hpp"
#include "node/api/json.hpp"
#include "node/api/routes.hpp"

namespace weft::api {

inline constexpr std::chrono::milliseconds kQuick{30'000};  // a call that waits for nobody
inline constexpr std::size_t kMaxItems = 64;                // of a list in a body

enum class Type { Text, Number, Flag, List, Texts };  // Texts: one, or a list of them

// Of a body, or of the query: GET /api/v1/events?since=7&kind=peer.
struct Field {
  std::string_view name;
  Type type = Type::Text;
  bool required = false;
  std::string_view about;
  std::int64_t max = 255;  // bytes of a text or of each item; a number's highest value
};

using Answer = std::function<void(ApiAnswer)>;
using Segments = std::vector<std::string>;

struct Call {
  Control& control;
  Segments parts;  // what the {}s of the path matched
  Json body;       // an object, its fields checked
  Answer answer;
  bool upgrade = false;
  std::shared_ptr<const bool> wanted;
  std::string last_event_id = {};  // Last-Event-ID of the request; empty: none
  std::chrono::milliseconds budget = kQuick;

  [[nodiscard]] std::string text(const char* name) const { return body.value(name, std::string()); }
  [[nodiscard]] std::vector<std::string> list(const char* name) const {
    if (body.contains(name) && body[name].is_string()) return {text(name)};
    return body.value(name, std::vector<std::string>());
  }
  // The caller's timeout; extends the budget of this call to it and a little more.
  [[nodiscard]] std::chrono::milliseconds timeout(std::int64_t otherwise) {
    const std::chrono::milliseconds value{body.value("timeout_ms", otherwise)};
    budget = std::max(kQuick, value + std::chrono::seconds(5));
    return value;
  }
};

struct Route {
  std::string_view method;
  std::string_view path;  // {} matches one segment
  std::string_view about;
  std::string_view schema;
  std::vector<Field> fields;
  void (*run)(Call& call);
  bool streams = false;  // answers with ApiAnswer::stream: it holds a place for long
};

void send_error(const Answer& answer, const ApiError& error, int status = 0);
std::vector<Route> make_routes();

}  // namespace weft::api
