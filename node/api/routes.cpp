#include "node/api/routes.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "base/text.hpp"
#include "node/api/route.hpp"
#include "node/api/target.hpp"
#include "node/version.hpp"

namespace weft::api {
namespace {

bool text_fits(const Json& value, std::int64_t max) {
  return value.is_string() &&
         value.get_ref<const std::string&>().size() <= static_cast<std::size_t>(max);
}

bool list_fits(const Json& value, const Field& field) {
  return value.is_array() && value.size() <= kMaxItems &&
         std::ranges::all_of(value, [&](const Json& v) { return text_fits(v, field.max); });
}

bool fits(const Json& value, const Field& field) {
  switch (field.type) {
    case Type::Text:
      return text_fits(value, field.max);
    case Type::Flag:
      return value.is_boolean();
    case Type::Number:
      return value.is_number_integer() && value >= 0 && value <= field.max;
    case Type::List:
      return list_fits(value, field);
    case Type::Texts:
      return text_fits(value, field.max) || list_fits(value, field);
  }
  return false;
}

std::string type_text(const Field& field) {
  switch (field.type) {
    case Type::Text:
      return "a text of at most " + std::to_string(field.max) + " bytes";
    case Type::Flag:
      return "true or false";
    case Type::Number:
      return "a whole number from 0 to " + std::to_string(field.max);
    case Type::List:
      return "a list of at most 64 texts";
    case Type::Texts:
      return "a text, or a list of at most 64 texts";
  }
  return "";
}

// Every field known, of its type, in the body or in the query, and those that must be there are.
ApiResult<Json> checked_body(const ApiRequest& request, std::span<const Field> fields) {
  Json body = Json::object();
  if (!request.body.empty()) {
    auto parsed = parse_json(request.body);
    if (!parsed) return parsed;
    body = std::move(*parsed);
  }
  if (!body.is_object()) return refuse(Code::Usage, "the body must be a JSON object");
  const auto query = parse_query(cut_query(request.target).second, fields);
  if (!query) return query;
  for (const auto& [name, value] : query->items()) {
    if (body.contains(name))
      return refuse(Code::Usage, "\"" + name.substr(0, 80) + "\" is in the body and in the query");
    body[name] = value;
  }
  for (const auto& [name, value] : body.items()) {
    const auto field = std::ranges::find(fields, name, &Field::name);
    if (field == fields.end())
      return refuse(Code::Usage, "unknown field \"" + name.substr(0, 80) + "\"");
    if (!fits(value, *field))
      return refuse(Code::Usage, "the field \"" + name + "\" must be " + type_text(*field));
  }
  for (const auto& field : fields)
    if (field.required && !body.contains(field.name))
      return refuse(Code::Usage, "the field \"" + std::string(field.name) + "\" is missing");
  return body;
}

bool is_json(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find_first_of("; \t"));
  return std::ranges::equal(type, std::string_view("application/json"), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
  });
}

std::optional<Segments> match(const Segments& pattern, const Segments& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  Segments captured;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (pattern[i] == "{}")
      captured.push_back(path[i]);
    else if (pattern[i] != path[i])
      return std::nullopt;
  }
  return captured;
}

Json field_schema(const Field& field) {
  Json out;
  switch (field.type) {
    case Type::Text:
      out = {{"type", "string"}, {"maxLength", field.max}};
      break;
    case Type::Flag:
      out = {{"type", "boolean"}};
      break;
    case Type::Number:
      out = {{"type", "integer"}, {"minimum", 0}, {"maximum", field.max}};
      break;
    case Type::List:
      out = {{"type", "array"}, {"maxItems", kMaxItems}, {"items", {{"type", "string"}}}};
      break;
    case Type::Texts:
      out = {
          {"type", {"string", "array"}}, {"maxItems", kMaxItems}, {"items", {{"type", "string"}}}};
      break;
  }
  out["description"] = field.about;
  return out;
}

Json body_schema(const Route& route) {
  Json properties = Json::object(), required = Json::array();
  for (const auto& field : route.fields) {
    properties[std::string(field.name)] = field_schema(field);
    if (field.required) required.push_back(field.name);
  }
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", std::move(required)},
          {"properties", std::move(properties)}};
}

// What is read is named in the query; what is changed, in a body.
bool in_query(const Route& route) { return route.method == "GET" || route.method == "DELETE"; }

// "/groups/{}/{}" -> "/groups/{p1}/{p2}", and the parameters so named.
std::string named_path(std::string_view path, Json& parameters) {
  std::string out;
  for (const char c : path) {
    out += c;
    if (c != '{') continue;
    const auto name = "p" + std::to_string(parameters.size() + 1);
    out += name;
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  return out;
}

std::string told(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return dump(value);
  std::string list;
  for (const auto& item : value)
    if (item.is_string()) list += (list.empty() ? "" : ",") + item.get<std::string>();
  return list;
}

// Wraps `answer` so that the change and its outcome are told.
Answer audited(AuditLog& log, const Route& route, const ApiRequest& request, const Json& body,
               Answer answer) {
  Audited what{
      std::string(route.action), std::string(cut_query(request.target).first), {}, {}, "ok", {}};
  for (const auto& field : route.fields)
    if (field.logged == Logged::Yes && body.contains(field.name))
      what.asked.emplace_back(field.name, told(body[field.name]));
  if (request.uid) what.uid = std::to_string(*request.uid);
  return [&log, what = std::move(what), answer = std::move(answer)](ApiAnswer given) {
    Audited done = what;
    if (given.status >= 400) {
      const auto envelope = Json::parse(given.body, nullptr, /*allow_exceptions=*/false);
      const auto error = envelope.is_object() ? envelope.value("error", Json()) : Json();
      done.result = "refused";
      if (error.is_object()) done.err = error.value("title", "");
    }
    log.audit(std::move(done));
    answer(std::move(given));
  };
}

// Checks what the request brings and has the route's module answer, for the network it names.
std::chrono::milliseconds run(const Hosts& hosts, const Route& route, const ApiRequest& request,
                              Segments parts, Answer answer) {
  if (request.crowded && route.takes != Takes::Short) {
    send_error(answer,
               {Code::Failed, "too many calls wait already",
                "three quarters of the management socket's places are taken by calls that wait",
                "end some of them, or try again in a moment"},
               503);
    return kQuick;
  }
  if (!request.body.empty() && !is_json(request.content_type)) {
    send_error(answer, {Code::Denied, "bodies must be application/json",
                        "Content-Type: " + request.content_type.substr(0, 80), ""});
    return kQuick;
  }
  auto body = checked_body(request, route.fields);
  const auto network = body ? body->value("network", std::string()) : std::string();
  const auto host = body ? hosts.of(network) : std::unexpected(body.error());
  if (!host) {
    send_error(answer, host.error());
    return kQuick;
  }
  if (auto* log = (*host)->find<AuditLog>(); log != nullptr && !route.action.empty())
    answer = audited(*log, route, request, *body, std::move(answer));
  Call call{std::move(parts), std::move(*body), std::move(answer),
            request.upgrade,  request.wanted,   request.last_event_id};
  if (!network.empty()) call.network = hosts.name_of(network);
  const auto meaning = hosts.mean(network);
  void* const part = (*host)->find(route.run.part);
  if (part == nullptr && route.run.part != typeid(void))
    send_error(call.answer, {Code::NotFound, "this network has no such thing", "", ""});
  else
    route.run.ask(part, call);
  return call.budget;
}

}  // namespace

struct Router::Table {
  struct Served {
    Route route;
    Segments pattern;
  };
  const Hosts* hosts;
  std::vector<Served> routes;

  // Null: nobody offers what it asks, there is no such route.
  [[nodiscard]] static bool serves(const Host& host, const Route& route) {
    return route.run.part == typeid(void) || host.find(route.run.part) != nullptr;
  }
};

Router::Router(const Hosts& hosts) : Router(hosts, routes_of(modules())) {}

Router::Router(const Hosts& hosts, std::vector<Route> routes)
    : table_(std::make_unique<Table>(Table{&hosts, {}})) {
  for (auto& route : routes) {
    route.fields.push_back({"network", Type::Text, false, "by name or id; none: the default one"});
    auto pattern = *split_target(route.path);
    table_->routes.push_back({std::move(route), std::move(pattern)});
  }
}

std::vector<Route> routes_of(const std::vector<Module>& modules) {
  std::vector<Route> out;
  for (const auto& module : modules) std::ranges::move(module(), std::back_inserter(out));
  return out;
}

Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void send_error(const Answer& answer, const ApiError& error, int status) {
  answer({status != 0 ? status : http_status(error.code), error_envelope(error), {}, {}});
}

void send_error(const Answer& answer, Code code, std::string title, std::string detail,
                std::string fix) {
  send_error(answer, ApiError{code, std::move(title), std::move(detail), std::move(fix)});
}

void send_data(const Answer& answer, Json data) {
  answer({200, success_envelope(std::move(data)), {}, {}});
}

std::chrono::milliseconds Router::handle(const ApiRequest& request, Answer answer) const {
  if (request.method == "GET" && request.target == "/api/v1/openapi.json") {
    answer({200, openapi(), {}, {}});
    return kQuick;
  }
  const auto path = split_target(cut_query(request.target).first);
  if (!path) {
    send_error(answer, {Code::Usage, "the path does not parse", path.error().detail, ""});
    return kQuick;
  }
  const auto usual = table_->hosts->of("");
  std::string allow;
  for (const auto& [route, pattern] : table_->routes) {
    auto parts = match(pattern, *path);
    if (!parts || (usual && !Table::serves(**usual, route))) continue;
    if (route.method == request.method)
      return run(*table_->hosts, route, request, std::move(*parts), std::move(answer));
    allow += (allow.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allow.empty()) {
    send_error(answer, {Code::NotFound, "no such path", "see /api/v1/openapi.json", ""});
  } else {
    const ApiError error{Code::Usage, "this path has no such method", "there is: " + allow, ""};
    answer({405, error_envelope(error), allow, {}});
  }
  return kQuick;
}

std::string Router::openapi() const {
  Json paths = Json::object();
  const auto usual = table_->hosts->of("");
  for (const auto& [route, pattern] : table_->routes) {
    if (usual && !Table::serves(**usual, route)) continue;
    Json parameters = Json::array();
    const auto path = named_path(route.path, parameters);
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    Json operation{{"summary", route.about}};
    if (in_query(route))
      for (const auto& field : route.fields)
        parameters.push_back({{"name", field.name},
                              {"in", "query"},
                              {"required", field.required},
                              {"schema", field_schema(field)}});
    if (!parameters.empty()) operation["parameters"] = std::move(parameters);
    if (!route.fields.empty() && !in_query(route))
      operation["requestBody"] = {
          {"required", true},
          {"content", {{"application/json", {{"schema", body_schema(route)}}}}}};
    const std::string data(route.schema);
    Json content{{"application/json", {{"schema", {{"$ref", "#/components/schemas/Envelope"}}}}}};
    if (route.takes == Takes::Stream)
      content["text/event-stream"] = {{"schema", {{"type", "string"}}}};
    operation["responses"] = {
        {"default",
         {{"description", data.empty() ? "101: the socket is the pipe" : "data: " + data},
          {"content", std::move(content)}}}};
    paths[path][method] = std::move(operation);
  }
  const Json text{{"type", "string"}};
  const Json problem{
      {"type", "object"},
      {"required", {"type", "title"}},
      {"properties", {{"type", text}, {"title", text}, {"detail", text}, {"fix", text}}}};
  const Json envelope{{"type", "object"},
                      {"required", {"success", "code", "data"}},
                      {"properties",
                       {{"success", {{"type", "boolean"}}},
                        {"code", {{"type", "integer"}}},
                        {"data", {{"type", {"object", "null"}}}},
                        {"error", {{"$ref", "#/components/schemas/Problem"}}}}}};
  return dump({{"openapi", "3.1.0"},
               {"info", {{"title", "weft management API"}, {"version", kVersion}}},
               {"paths", std::move(paths)},
               {"components", {{"schemas", {{"Envelope", envelope}, {"Problem", problem}}}}}});
}

}  // namespace weft::api
