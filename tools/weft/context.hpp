// What every command shares: the global flags, the client, and the way results and errors are
// shown. Data goes to stdout, talk to stderr; --json prints the answer's `data` verbatim, or
// weft.error/1.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "node/paths.hpp"
#include "tools/weft/api_client.hpp"
#include "tools/weft/output.hpp"

namespace CLI {
class App;
}

namespace weft::cli {

inline constexpr std::chrono::milliseconds kMostWait{3'600'000};  // the API's own bound

class Context {
 public:
  std::string program = "weft";  // as the user called it
  bool json = false;
  bool quiet = false;
  std::string home;            // --home as given
  std::string color = "auto";  // auto, always or never
  std::string network;
  std::optional<std::chrono::milliseconds> timeout;
  std::function<int()> action;  // what the parsed command does; returns the exit code
  bool needs_home = true;       // false: a command that is about no node

  [[nodiscard]] node::Paths paths() const;
  // Refuses when nothing says where the node's files are.
  [[nodiscard]] ApiResult<void> check_home() const;
  [[nodiscard]] ApiClient client() const;
  // A command line that works when pasted: the program as called, --home if it was given.
  [[nodiscard]] std::string command(std::string_view rest) const;
  [[nodiscard]] std::chrono::milliseconds timeout_or(std::chrono::milliseconds otherwise) const {
    return timeout.value_or(otherwise);
  }

  // The path of a call, for the network of --network.
  [[nodiscard]] std::string for_network(const std::string& path) const;
  // One API call, for that network. The client waits a little longer than the daemon does.
  [[nodiscard]] ApiResult<Json> ask(
      std::string_view method, const std::string& path,
      const std::optional<Json>& body = std::nullopt,
      std::chrono::milliseconds limit = std::chrono::seconds(30)) const;

  // Prints data (or lets `human` do it) or the error; the exit code.
  int show(const ApiResult<Json>& result, const std::function<void(const Json&)>& human) const;
  int report(const ApiError& error) const;
  // An error of the layers below, whose detail may end in ". Fix: ...".
  [[nodiscard]] ApiError error_of(const Error& error, const std::string& title) const;
  void print(std::string_view text) const;  // stdout
  void print(const Table& table) const;     // its states coloured, where colour is wanted
  void talk(std::string_view text) const;   // stderr, unless --quiet or --json
  void next(std::string_view rest) const;   // "next: weft --home X REST"
};

// Declares --NAME DURATION on `app`. Where seconds are as likely as hours (--ttl 24), a number
// without a unit is refused.
enum class Unit { Seconds, Needed };
void add_duration(CLI::App& app, const std::string& name,
                  std::optional<std::chrono::milliseconds>& value, const std::string& about,
                  Unit unit = Unit::Seconds);

}  // namespace weft::cli
