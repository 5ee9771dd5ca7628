// What people read: tables, units, durations.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/api/json.hpp"

namespace weft::cli {

// Columns as wide as their widest cell, two spaces between, no trailing blanks.
class Table {
 public:
  explicit Table(std::vector<std::string> headers) : rows_{std::move(headers)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }
  // With colour: what stands under STATE and HEALTH is green, yellow or red.
  [[nodiscard]] std::string text(bool color = false) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string bytes_text(std::uint64_t bytes);     // "1.2 MB", powers of 1000
std::string ms_text(const api::Json& ms);        // "11.2 ms", "-" for null
std::string seconds_text(std::int64_t seconds);  // "3 d 4 h", "12 s"
// Of a service: "ok", "refused 20 s ago", "away since 18:38", "unknown".
std::string health_text(const api::Json& service);
// Of a door: where it leads, and who reaches it.
std::string door_text(const api::Json& door);
std::string listen_text(const api::Json& door);
// Of a peer, a service, a reply: "direct", "relay oak".
std::string path_text(const api::Json& one);
std::string list_text(const api::Json& list);  // "a, b", "-" when empty
std::string short_id(std::string_view id);
std::string or_dash(std::string text);
// Control characters out: a name from another machine must not drive this terminal.
std::string printable(std::string_view text);
// The same for every text in an answer: whatever a command shows of it went through here.
api::Json printable_answer(const api::Json& answer);
// As JSON text; control characters are escaped, all of them.
std::string json_text(const api::Json& answer);
// An RFC 3339 time for people here: "18:38" today, else "2026-11-29 18:38".
std::string clock_text(const api::Json& time);

// "15m", "500ms", "2h", "1h30m", "30" (seconds). At most 365 days; nothing for anything else.
std::optional<std::chrono::milliseconds> duration_from_text(std::string_view text);

// For a shell: as is when harmless, else in single quotes.
std::string shell_word(std::string_view word);

}  // namespace weft::cli
