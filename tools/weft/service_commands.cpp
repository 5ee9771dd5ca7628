// expose, unexpose, allow, deny: the giving side. services, open, mappings, close, pipe: the using.
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"
#include "tools/weft/pump.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

struct ExposeOptions {
  std::string target, name;
  std::string protocol = "tcp";
  std::vector<std::string> allow;
};

int run_expose(const Context& context, const ExposeOptions& options) {
  auto target = options.target;
  if (target.starts_with("unix:") && !target.starts_with("unix:/")) {
    std::error_code none;  // no path, or no working directory: the daemon says what it wants
    const auto path = std::filesystem::absolute(target.substr(5), none);
    if (!none) target = "unix:" + path.lexically_normal().string();
  }
  Json body{{"target", target}, {"protocol", options.protocol}};
  if (!options.name.empty()) body["name"] = options.name;
  if (!options.allow.empty()) body["allow"] = options.allow;
  return context.show(context.ask("POST", "/api/v1/exposed", body), [&](const Json& data) {
    const auto name = data.value("name", "");
    context.print(name + "  " + data.value("protocol", "") + "  " +
                  printable(data.value("target", "")) + "\n");
    const bool nobody = data["allow"].empty();
    context.talk("kept across restarts; may use it: " +
                 (nobody ? "nobody yet (a node, group:NAME or '*' can be allowed)"
                         : list_text(data["allow"])) +
                 "\n");
    if (nobody) context.next("allow " + name + " '*'");
  });
}

void print_access(const Context& context, const Json& data) {
  context.print(data.value("service", "") + "  allow: " + list_text(data["allow"]) +
                "  deny: " + list_text(data["deny"]) + "\n");
  if (const auto closed = data.value("closed", std::uint64_t{0}); closed > 0)
    context.talk("closed " + std::to_string(closed) + " open connections\n");
}

struct AccessOptions {
  std::string service;
  std::vector<std::string> who;
};

int run_access(const Context& context, const std::string& verb, const AccessOptions& options) {
  if (options.who.size() > 1)
    return context.report(
        {Code::Usage, std::to_string(options.who.size()) + " names arrived where one belongs",
         "one node, group:NAME or '*' at a time; a star that is not quoted becomes file names",
         "quote the star: " + context.command(verb + " " + shell_word(options.service) + " '*'")});
  return context.show(context.ask("POST", "/api/v1/exposed/" + escape(options.service) + "/" + verb,
                                  Json{{"who", options.who.front()}}),
                      [&](const Json& data) { print_access(context, data); });
}

void print_services(const Context& context, const Json& data) {
  Table table({"SERVICE", "NODE", "PROTOCOL", "HEALTH", "PATH", "RTT"});
  std::string first;
  for (const auto& s : data["services"]) {
    if (first.empty()) first = s.value("name", "") + "@" + s.value("node", "");
    table.add({printable(s.value("name", "")), printable(s.value("node", "")),
               s.value("protocol", ""), s.value("healthy", false) ? "ok" : "down",
               s.value("path", ""), ms_text(s["rtt_ms"])});
  }
  if (table.empty()) {
    context.talk("nothing you may use yet; on the node that has it: weft allow SERVICE NODE\n");
    return;
  }
  context.print(table);
  context.next("open " + shell_word(printable(first)));
}

struct OpenOptions {
  std::string service, listen;
  bool once = false;
};

int run_open(const Context& context, const OpenOptions& options) {
  const auto limit = context.timeout_or(milliseconds(10'000));
  Json body{{"service", options.service}, {"once", options.once}, {"timeout_ms", limit.count()}};
  if (!options.listen.empty()) body["listen"] = options.listen;
  return context.show(context.ask("POST", "/api/v1/mappings", body, limit), [&](const Json& data) {
    const auto rtt = data["rtt_ms"].is_number() ? ", " + ms_text(data["rtt_ms"]) : "";
    context.print(data.value("listen", "") + " -> " +
                  printable(data.value("service", "") + "@" + data.value("node", "")) + "  " +
                  data.value("path", "") + rtt + "\n");
    context.talk(std::string(options.once ? "for one connection" : "kept across restarts") +
                 "; close it with: " + context.command("close " + data.value("mapping", "")) +
                 "\n");
  });
}

void print_mappings(const Context& context, const Json& data) {
  Table table({"MAPPING", "SERVICE", "NODE", "LISTEN", "CONNECTIONS", "SENT", "RECEIVED"});
  for (const auto& m : data["mappings"])
    table.add({m.value("mapping", ""), printable(m.value("service", "")),
               printable(or_dash(m.value("node", ""))), m.value("listen", ""),
               std::to_string(m.value("connections", std::uint64_t{0})),
               bytes_text(m.value("tx_bytes", std::uint64_t{0})),
               bytes_text(m.value("rx_bytes", std::uint64_t{0}))});
  if (!table.empty()) return context.print(table.text());
  context.talk("no doors are open\n");
  context.next("services");
}

int run_pipe(const Context& context, const std::string& service) {
  const auto limit = context.timeout_or(milliseconds(15'000));
  if (const auto here = context.check_network(limit); !here) return context.report(here.error());
  auto pipe = context.client().upgrade("/api/v1/pipe/" + escape(service), limit);
  if (!pipe) return context.report(pipe.error());
  return pump_stdio(pipe->fd, pipe->early);
}

void add_giving(CLI::App& app, Context& context) {
  auto* expose = app.add_subcommand("expose", "Offer a service; nobody may use it until allowed");
  auto options = std::make_shared<ExposeOptions>();
  expose
      ->add_option("target", options->target,
                   "where the service is: PORT on this machine, HOST:PORT or unix:PATH")
      ->required();
  expose->add_option("--name", options->name, "the service's name (default: tcp-PORT)");
  expose->add_option("--protocol", options->protocol, "tcp, the only one so far");
  expose->add_option("--allow", options->allow, "who may use it: node, group:NAME or *")
      ->type_name("WHO");
  expose->footer("example: weft expose 3000 --name blog --allow laptop");
  expose->callback([&context, options] {
    context.action = [&context, options] { return run_expose(context, *options); };
  });

  auto* unexpose = app.add_subcommand("unexpose", "Stop offering a service");
  auto name = std::make_shared<std::string>();
  unexpose->add_option("name", *name, "the service")->required();
  unexpose->footer("example: weft unexpose blog");
  unexpose->callback([&context, name] {
    context.action = [&context, name] {
      return context.show(context.ask("DELETE", "/api/v1/exposed/" + escape(*name)),
                          [&](const Json& data) {
                            context.print("no longer exposed: " + data.value("service", "") + "\n");
                          });
    };
  });

  for (const std::string verb : {"allow", "deny"}) {
    auto* command = app.add_subcommand(
        verb, verb == "allow" ? "Let somebody use a service of this node"
                              : "Let somebody use it no more; ends open connections");
    auto access = std::make_shared<AccessOptions>();
    command->add_option("service", access->service, "a service of this node")->required();
    command->add_option("who", access->who, "node, NodeId, group:NAME or *")->required();
    command->footer("example: weft " + verb + " blog laptop");
    command->callback([&context, access, verb] {
      context.action = [&context, access, verb] { return run_access(context, verb, *access); };
    });
  }
}

void add_using(CLI::App& app, Context& context) {
  auto* services =
      app.add_subcommand("services", "The services of other nodes that this node may use");
  services->footer("example: weft services");
  services->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/services"),
                          [&](const Json& data) { print_services(context, data); });
    };
  });

  auto* open =
      app.add_subcommand("open", "A door: a local port that leads to a service of another node");
  auto options = std::make_shared<OpenOptions>();
  open->add_option("service", options->service, "SERVICE[@NODE]")->required();
  open->add_option(
          "--listen", options->listen,
          "where the door is (default: the service's port on 127.0.0.1, or the next free one)")
      ->type_name("HOST:PORT");
  open->add_flag("--once", options->once,
                 "for one connection only; else the door stays, also across restarts");
  open->footer("example: weft open blog@oak --listen 127.0.0.1:8080");
  open->callback([&context, options] {
    context.action = [&context, options] { return run_open(context, *options); };
  });

  auto* mappings =
      app.add_subcommand("mappings", "The doors that are open here, and what went through them");
  mappings->footer("example: weft mappings");
  mappings->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/mappings"),
                          [&](const Json& data) { print_mappings(context, data); });
    };
  });

  auto* close = app.add_subcommand("close", "Close a door");
  auto mapping = std::make_shared<std::string>();
  close->add_option("mapping", *mapping, "as `weft mappings` lists it, or SERVICE[@NODE]")
      ->required();
  close->footer("example: weft close blog@oak");
  close->callback([&context, mapping] {
    context.action = [&context, mapping] {
      return context.show(
          context.ask("DELETE", "/api/v1/mappings/" + escape(*mapping)),
          [&](const Json& data) { context.print("closed " + data.value("listen", "") + "\n"); });
    };
  });

  auto* pipe = app.add_subcommand("pipe", "Connect standard input and output to a service");
  auto service = std::make_shared<std::string>();
  pipe->add_option("service", *service, "SERVICE[@NODE]")->required();
  pipe->footer("example: ssh -o ProxyCommand='weft pipe ssh@oak' oak");
  pipe->callback([&context, service] {
    context.action = [&context, service] { return run_pipe(context, *service); };
  });
}

}  // namespace

void add_service_commands(CLI::App& app, Context& context) {
  add_giving(app, context);
  add_using(app, context);
}

}  // namespace weft::cli
