// What is wrong with a command line, in words that name it, and what was probably meant.
#pragma once

#include <string>
#include <vector>

#include "node/api/json.hpp"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace weft::cli {

// "expose " or "dht lookup " when that is the command that did not parse, else nothing.
[[nodiscard]] std::string command_of(const CLI::App& app);
// Its fix is a command without the program's name: "dht lookup --help". `words` are the arguments,
// without the program.
[[nodiscard]] api::ApiError misuse(const CLI::App& app, const std::vector<std::string>& words,
                                   const CLI::ParseError& error);

}  // namespace weft::cli
