// One thing that happened, and its three faces: a line of the log, JSON (weft.event/1), a sentence.
// All are made from the table in kinds.hpp; nobody else words an event.
//
// Line: event=NAME field=value ..., logfmt. Fields that are empty are left out; values with other
// characters than letters, digits and a few marks stand in double quotes.
// JSON: {"schema","id","seq","time","kind","group","level","network","text", the kind's fields}.
//
// Limits: a text of a field is cut at kMaxText bytes, a list at kMaxItems, so that who sends long
// names costs no memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/events/kinds.hpp"

namespace weft::events {

inline constexpr std::size_t kMaxText = 512;
inline constexpr std::size_t kMaxItems = 16;

struct NodeEvent {
  std::uint64_t run = 0;  // of the daemon: when it started, Unix seconds
  std::uint64_t seq = 0;  // from 1, without holes
  std::chrono::system_clock::time_point time;
  Level level = Level::Info;
  std::string network;  // its name; empty: of the whole node
  Body body;
};

using Json = nlohmann::ordered_json;

[[nodiscard]] const Kind& kind_of(const Body& body);
[[nodiscard]] std::string_view name_of(Group group);
[[nodiscard]] std::string_view name_of(Level level);
// All kinds, in the order of kinds.hpp.
[[nodiscard]] const std::vector<Kind>& all_kinds();
// Whether `text` names a kind or a group.
[[nodiscard]] bool is_kind_or_group(std::string_view text);
// Whether it is one that `wanted` names; all are when it names none.
[[nodiscard]] bool picks(const std::vector<std::string>& wanted, const Body& body);

[[nodiscard]] std::string log_line(const Body& body);
[[nodiscard]] std::string sentence(const Body& body);
[[nodiscard]] Json to_json(const NodeEvent& event);
// Cuts what is too long.
void limit_texts(Body& body);
// Bytes that it takes in memory, about.
[[nodiscard]] std::size_t memory_of(const NodeEvent& event);

// Where a reader is: "RUN-SEQ", the id of the last event it has seen. A bare number is of this run.
struct Position {
  std::optional<std::uint64_t> run;
  std::uint64_t seq = 0;
};
[[nodiscard]] std::string id_of(const NodeEvent& event);
[[nodiscard]] std::optional<Position> position_from_text(std::string_view text);

// docs/events.md.
[[nodiscard]] std::string reference();

}  // namespace weft::events
