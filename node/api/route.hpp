// One route of the management API: method, path, the fields it takes, the handler that answers.
// The router, the check of bodies and queries, the log of changes and the OpenAPI document all read
// this one description. Internal to the API and its modules: includes the full JSON header.
//
// A module is a noun: node/api/modules/NOUN.hpp has the interface that its handlers ask and the
// JSON of its answers, NOUN.cpp the handlers and `std::vector<Route> NOUN_routes()`. The build
// collects those functions by file name (docs/hacking.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/api/json.hpp"
#include "node/api/result.hpp"
#include "node/api/routes.hpp"

namespace weft::api {

inline constexpr std::chrono::milliseconds kQuick{30'000};  // a call that waits for nobody
inline constexpr std::size_t kMaxItems = 64;                // of a list in a body

enum class Type { Text, Number, Flag, List, Texts };  // Texts: one, or a list of them
enum class Logged { Yes, No };                        // No: a secret, or it says nothing

// Of a body, or of the query: GET /api/v1/events?since=7&kind=peer.
struct Field {
  std::string_view name;
  Type type = Type::Text;
  bool required = false;
  std::string_view about;
  std::int64_t max = 255;  // bytes of a text or of each item; a number's highest value
  Logged logged = Logged::Yes;
};

using Answer = std::function<void(ApiAnswer)>;
using Segments = std::vector<std::string>;

struct Call {
  Segments parts;  // what the {}s of the path matched
  Json body;       // an object: body and query together, its fields checked
  Answer answer;   // to be called once
  bool upgrade = false;
  std::shared_ptr<const bool> wanted;  // false once nobody is there to take the answer
  std::string last_event_id = {};      // of a client that comes back to a stream; empty: none
  std::string network = {};            // the name of the one that was asked for; empty: none was
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

// A function of a Call, or of a Call and the part of the daemon that it asks (host.hpp).
struct Handler {
  Handler(void (*run)(Call&)) : ask([run](void*, Call& call) { run(call); }) {}
  template <class Part>
  Handler(void (*run)(Part&, Call&))
      : part(typeid(Part)),
        ask([run](void* object, Call& call) { run(*static_cast<Part*>(object), call); }) {}

  std::type_index part = typeid(void);  // void: none
  std::function<void(void* part, Call& call)> ask;
};

enum class Takes {
  Short,
  Long,    // it answers only when something has happened, or its time is over
  Stream,  // it answers with ApiAnswer::stream, which holds its place for long
};

struct Route {
  std::string_view method;
  std::string_view path;  // {} matches one segment
  std::string_view about;
  std::string_view schema;
  std::vector<Field> fields;
  Handler run;
  std::string_view action = {};  // of a change: its name in the log. Empty: nothing is changed
  Takes takes = Takes::Short;
};

// The modules in node/api/modules: NOUN_routes of each.
using Module = std::vector<Route> (*)();
[[nodiscard]] std::vector<Module> modules();
[[nodiscard]] std::vector<Route> routes_of(const std::vector<Module>& modules);

// `status` 0: the one of the error's code.
void send_error(const Answer& answer, const ApiError& error, int status = 0);
void send_error(const Answer& answer, Code code, std::string title, std::string detail = {},
                std::string fix = {});
void send_data(const Answer& answer, Json data);

// Answers with the JSON of what comes, or with its error.
template <class T>
Done<T> done(const Call& call) {
  return [answer = call.answer](ApiResult<T> result) {
    if (result)
      send_data(answer, to_json(*result));
    else
      send_error(answer, result.error());
  };
}

}  // namespace weft::api
