#include "node/api/checks.hpp"

#include "base/label.hpp"

namespace weft::api {
namespace {

bool is_who(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with("group:")) text.remove_prefix(6);
  return is_label(text);
}

// "My Blog" -> "my-blog".
std::string nearest_label(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 63)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (plain || (!out.empty() && out.back() != '-')) out += plain ? lower : '-';
  }
  if (out.ends_with('-')) out.pop_back();
  return out;
}

bool refuse_unless(bool fine, const Call& call, std::string_view what, const std::string& value) {
  if (fine) return false;
  const auto near = nearest_label(value);
  send_error(call.answer, Code::Usage,
             "\"" + value.substr(0, 80) + "\" is not " + std::string(what),
             "names are 1 to 63 of a-z, 0-9 and '-', not at either end",
             near.empty() ? "write it with letters a to z" : "write it so: " + near);
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
                 "a right lets a node do more than others", "name expose, relay or admin");
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
