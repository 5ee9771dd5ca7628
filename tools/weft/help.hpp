// What is printed from the command tree: help, the manual page, and completion for three shells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/api/json.hpp"
#include "tools/weft/command_tree.hpp"

namespace weft::cli {

inline constexpr std::size_t kColumns = 80;

// Lines of at most `width` columns, broken between words; a longer word has a line of its own.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t width);

[[nodiscard]] std::string help_text(const CommandPage& page);
[[nodiscard]] api::Json help_json(const CommandPage& root);   // weft.help/1
[[nodiscard]] std::string man_page(const CommandPage& root);  // man(7) source, section 1
[[nodiscard]] std::string bash_completion(const CommandPage& root);
[[nodiscard]] std::string zsh_completion(const CommandPage& root);
[[nodiscard]] std::string fish_completion(const CommandPage& root);

}  // namespace weft::cli
