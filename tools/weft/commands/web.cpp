// web: a port on this machine where browsers find the web services of other nodes by name.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct WebOptions {
  std::string what = "on", listen;
};

void print_web(const Context& context, const Json& data) {
  if (!data.value("running", false)) return context.talk("the web gateway is not open\n");
  context.print("web " + data.value("listen", "") + "  " + data.value("url", "") + "\n");
}

int run_web(const Context& context, const WebOptions& options) {
  if (options.what == "off")
    return context.show(context.ask("DELETE", "/api/v1/web"),
                        [&](const Json&) { context.print("the web gateway is closed\n"); });
  if (options.what == "status")
    return context.show(context.ask("GET", "/api/v1/web"),
                        [&](const Json& data) { print_web(context, data); });
  Json body = Json::object();
  if (!options.listen.empty()) body["listen"] = options.listen;
  return context.show(context.ask("POST", "/api/v1/web", body), [&](const Json& data) {
    print_web(context, data);
    const auto url = data.value("url", "");
    const auto port = url.size() > 17 ? url.substr(17) : "/";
    context.talk(
        "open until weft stops\n"
        "open " +
        url + " for a list, http://SERVICE.NODE.weft.localhost:" + port + " for one\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* web = app.add_subcommand(
      "web", "Web services of other nodes by name, for the browsers of this machine");
  auto options = std::make_shared<WebOptions>();
  web->add_option("what", options->what, "on (default), off or status")
      ->check(CLI::IsMember({"on", "off", "status"}));
  web->add_option("--listen", options->listen, "where, on loopback (default: 127.0.0.1:8080)")
      ->type_name("HOST:PORT");
  web->footer("example: weft web, then http://blog.oak.weft.localhost:8080/");
  web->callback([&context, options] {
    context.action = [&context, options] { return run_web(context, *options); };
  });
}

}  // namespace

CommandSet web_commands() { return {35, add}; }

}  // namespace weft::cli
