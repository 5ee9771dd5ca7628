#include "overlay/roster/export.hpp"

#include <algorithm>

namespace weft::roster {
namespace {

// Everything quoted here is hex or a DNS label: nothing needs escaping.
std::string json_string(std::string_view text) { return "\"" + std::string(text) + "\""; }

template <class Items, class Write>
std::string list(const Items& items, Write write) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ",";
    out += write(item);
  }
  return out + "]";
}

std::string member_json(const Member& m) {
  return "{\"node\":" + json_string(to_hex(m.id.view())) +
         ",\"identity\":" + json_string(to_hex(m.identity)) + ",\"name\":" + json_string(m.name) +
         ",\"owner\":" + json_string(to_hex(m.owner)) + ",\"may\":" + std::to_string(m.may) + "}";
}

std::string person_json(const Person& p) {
  return "{\"key\":" + json_string(to_hex(p.key)) + ",\"name\":" + json_string(p.name) +
         ",\"may\":" + std::to_string(p.may) + "}";
}

std::string group_json(const std::pair<const std::string, std::set<NodeId>>& group) {
  return "{\"name\":" + json_string(group.first) + ",\"nodes\":" +
         list(group.second, [](const NodeId& id) { return json_string(to_hex(id.view())); }) + "}";
}

}  // namespace

std::string export_json(const Roster& roster) {
  const auto& state = roster.state();
  std::vector<Member> members = roster.members();
  std::ranges::sort(members, {}, &Member::id);
  std::vector<Person> persons;
  for (const auto& [key, person] : state.persons()) persons.push_back(person);
  std::vector<Bytes> entries;
  for (auto& row : roster.rows())
    if (row.table == Table::Roster && row.value) entries.push_back(std::move(*row.value));
  const auto head = roster.head();
  std::string out = "{\"schema\":\"weft.roster/1\",\"network\":";
  out += json_string(to_hex(roster.network().view()));
  out += ",\"entries\":" + list(entries, [](const Bytes& e) { return json_string(to_hex(e)); });
  out += ",\"verdict\":{\"head\":{\"seq\":" + std::to_string(head.seq) +
         ",\"hash\":" + json_string(to_hex(head.hash)) + "}";
  out += ",\"stopped\":" + std::string(roster.stopped() ? "true" : "false");
  out += ",\"members\":" + list(members, member_json);
  out += ",\"persons\":" + list(persons, person_json);
  out += ",\"groups\":" + list(state.groups(), group_json);
  out += ",\"removed\":" +
         list(state.removed(), [](const NodeId& id) { return json_string(to_hex(id.view())); });
  return out + "}}";
}

}  // namespace weft::roster
