// dns: a resolver on this machine for names below .weft.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct DnsOptions {
  std::string what = "on", listen;
};

void print_dns(const Context& context, const Json& data) {
  if (!data.value("running", false)) return context.talk("the DNS stub is not open\n");
  context.print("dns " + data.value("listen", "") + "  *.weft, all others refused\n");
}

int run_dns(const Context& context, const DnsOptions& options) {
  if (options.what == "off")
    return context.show(context.ask("DELETE", "/api/v1/dns"),
                        [&](const Json&) { context.print("the DNS stub is closed\n"); });
  if (options.what == "status")
    return context.show(context.ask("GET", "/api/v1/dns"), [&](const Json& data) {
      print_dns(context, data);
      context.talk("  asked " + std::to_string(data.value("queries", 0)) + " times: answered " +
                   std::to_string(data.value("answered", 0)) + ", no such name " +
                   std::to_string(data.value("no_such_name", 0)) + ", refused " +
                   std::to_string(data.value("refused", 0)) + "\n  " +
                   std::to_string(data.value("names", 0)) + " names have an address, with " +
                   std::to_string(data.value("doors", 0)) + " doors\n");
    });
  Json body = Json::object();
  if (!options.listen.empty()) body["listen"] = options.listen;
  return context.show(context.ask("POST", "/api/v1/dns", body), [&](const Json& data) {
    print_dns(context, data);
    context.talk(
        "open until weft stops; the system's resolver is as it was. With systemd-resolved:\n"
        "  resolvectl dns lo " +
        data.value("listen", "") + " && resolvectl domain lo '~weft'\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* dns = app.add_subcommand(
      "dns", "A resolver on this machine for SERVICE.NODE.weft, which leads to its services");
  auto options = std::make_shared<DnsOptions>();
  dns->add_option("what", options->what, "on (default), off or status")
      ->check(CLI::IsMember({"on", "off", "status"}));
  dns->add_option("--listen", options->listen, "where, on loopback (default: 127.0.0.1:5353)")
      ->type_name("HOST:PORT");
  dns->footer("example: weft dns --listen 127.0.0.1:5300");
  dns->callback([&context, options] {
    context.action = [&context, options] { return run_dns(context, *options); };
  });
}

}  // namespace

CommandSet dns_commands() { return {35, add}; }

}  // namespace weft::cli
