// proxy: one port that speaks SOCKS5 and HTTP CONNECT, for programs that take a proxy.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct ProxyOptions {
  std::string what = "on", listen, exit;
};

void print_proxy(const Context& context, const Json& data) {
  if (!data.value("running", false)) return context.talk("no proxy is open\n");
  const auto listen = data.value("listen", ""), exit = data.value("exit", "");
  context.print("proxy " + listen + "  *.weft inside, others " +
                (exit.empty() ? "refused" : "through " + exit) + "\n");
}

int run_proxy(const Context& context, const ProxyOptions& options) {
  if (options.what == "off")
    return context.show(context.ask("DELETE", "/api/v1/proxy"),
                        [&](const Json&) { context.print("the proxy is closed\n"); });
  if (options.what == "status")
    return context.show(context.ask("GET", "/api/v1/proxy"), [&](const Json& data) {
      print_proxy(context, data);
      if (data.value("running", false))
        context.talk(std::to_string(data.value("inside", std::uint64_t{0})) + " clients inside, " +
                     std::to_string(data.value("outside", std::uint64_t{0})) + " outside, " +
                     std::to_string(data.value("refused", std::uint64_t{0})) + " refused\n");
    });
  Json body = Json::object();
  if (!options.listen.empty()) body["listen"] = options.listen;
  if (!options.exit.empty()) body["exit"] = options.exit;
  return context.show(context.ask("POST", "/api/v1/proxy", body), [&](const Json& data) {
    print_proxy(context, data);
    const auto listen = data.value("listen", "");
    context.talk(
        "SOCKS5 and HTTP CONNECT, open until weft stops\n"
        "try: curl --socks5-hostname " +
        listen + " http://SERVICE.NODE.weft/\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* proxy = app.add_subcommand(
      "proxy", "A proxy on this machine: names that end with .weft lead to services");
  auto options = std::make_shared<ProxyOptions>();
  proxy->add_option("what", options->what, "on (default), off or status")
      ->check(CLI::IsMember({"on", "off", "status"}));
  proxy->add_option("--listen", options->listen, "where, on loopback (default: 127.0.0.1:1080)")
      ->type_name("HOST:PORT");
  proxy
      ->add_option("--exit", options->exit,
                   "NODE that leads to all other names, as it allows by:\n"
                   "weft expose --protocol socks5 --to any (default: they are refused)")
      ->type_name("NODE");
  proxy->footer("example: weft proxy --exit oak");
  proxy->callback([&context, options] {
    context.action = [&context, options] { return run_proxy(context, *options); };
  });
}

}  // namespace

CommandSet proxy_commands() { return {34, add}; }

}  // namespace weft::cli
