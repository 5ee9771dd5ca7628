#include "node/api/checks.hpp"

#include "base/label.hpp"

namespace weft::api {
namespace {

bool is_who(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with("group:")) text.remove_prefix(6);
  return is_label(text);
}

bool refuse_unless(bool fine, const Call& call, std::string_view what, const std::string& value) {
  if (fine) return false;
  send_error(call.answer, Code::Usage,
             "\"" + value.substr(0, 80) + "\" is not " + std::string(what),
             "names are 1 to 63 of a-z, 0-9 and '-', not at either end");
  return true;
}

}  // namespace

Field timeout_field() {
  return {"timeout_ms", Type::Number, false, "give up after this long", kMaxWaitMs, Logged::No};
}

bool bad_name(const Call& call, std::string_view what, const std::string& value) {
  return refuse_unless(is_label(value), call, what, value);
}
bool bad_node(const Call& call, const std::string& value) {
  return bad_name(call, "a node's name or id", value);
}
bool bad_service(const Call& call, const std::string& value) {
  return bad_name(call, "a service's name", value);
}
bool bad_who(const Call& call, const std::string& value) {
  return refuse_unless(is_who(value), call, "a node, group:NAME or *", value);
}

bool bad_rights(const Call& call, const std::vector<std::string>& rights) {
  for (const auto& right : rights)
    if (right != "expose" && right != "relay" && right != "admin") {
      send_error(call.answer, Code::Usage, "\"" + right.substr(0, 80) + "\" is not a right",
                 "there are expose, relay and admin");
      return true;
    }
  return false;
}

std::optional<service::ServiceRef> service_ref(const Call& call, const std::string& text,
                                               bool several) {
  auto ref = service::parse_service_ref(text);
  if (ref && (several || ref->also.empty())) return *ref;
  send_error(call.answer, Code::Usage,
             ref ? "\"" + text.substr(0, 80) + "\" names several nodes" : ref.error().detail,
             ref ? "only a door may lead to several" : "");
  return std::nullopt;
}

}  // namespace weft::api
