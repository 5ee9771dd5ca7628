// expose, unexpose, allow, deny, reset: the giving side. services, open, doors, close, pipe: the
// using one.
#include <algorithm>
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

// Never "everybody": what is shown here is pasted.
void hint_allow(const Context& context, const std::string& name) {
  const auto status = context.ask("GET", "/api/v1/status");
  if (!status) return;
  const auto shown = printable_answer(*status);
  std::vector<std::string> nodes;
  for (const auto& peer : shown["peers"])
    if (const auto node = peer.value("name", ""); !node.empty()) nodes.push_back(node);
  if (!nodes.empty())
    context.next("allow " + name + " " + shell_word(*std::ranges::min_element(nodes)));
  else if (shown["network"].value("role", "") == "admin")
    context.next("invite NAME --allow " + name);
}

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
    const auto name = data.value("name", ""), place = data.value("target", "");
    context.print(name + "  " + data.value("protocol", "") + "  " + place + "\n");
    const bool nobody = data["allow"].empty();
    context.talk("kept across restarts; may use it: " +
                 (nobody ? "nobody yet" : list_text(data["allow"])) + "\n");
    if (data.value("health", "") == "refused")
      context.talk("warning: nothing listens on " + place + " yet\n");
    if (data.value("health", "") == "no answer")
      context.talk("warning: no answer: " + data.value("health_detail", "") + "\n");
    if (nobody) hint_allow(context, name);
  });
}

void print_access(const Context& context, const Json& data) {
  context.print(data.value("service", "") + "  allow: " + list_text(data["allow"]) +
                "  deny: " + list_text(data["deny"]) + "\n");
  if (const auto closed = data.value("closed", std::uint64_t{0}); closed > 0)
    context.talk("closed " + std::to_string(closed) + " open connections\n");
  if (const auto warnings = data.find("warnings"); warnings != data.end())
    for (const auto& line : *warnings) context.talk("warning: " + line.get<std::string>() + "\n");
}

struct AccessOptions {
  std::string service;
  std::vector<std::string> who;
};

int run_access(const Context& context, const std::string& verb, const AccessOptions& options) {
  Json body = Json::object();
  if (!options.who.empty()) body["who"] = options.who;
  auto result =
      context.ask("POST", "/api/v1/exposed/" + escape(options.service) + "/" + verb, body);
  const bool unknown =
      !result && (result.error().code == Code::Usage || result.error().code == Code::NotFound);
  if (unknown && options.who.size() > 1)  // the shell makes file names of a star
    result.error().fix = "if a star was meant, quote it: " +
                         context.command(verb + " " + shell_word(options.service) + " '*'");
  return context.show(result, [&](const Json& data) { print_access(context, data); });
}

// Nothing to list has three causes, and each another cure.
void talk_no_services(const Context& context) {
  const auto status = context.ask("GET", "/api/v1/status");
  const bool alone = status && (*status)["peers"].empty();
  const bool deaf = status && !alone && std::ranges::none_of((*status)["peers"], [](const Json& p) {
                      return p.value("state", "") == "connected";
                    });
  if (alone)
    context.talk("nothing yet: no other node is in this network\n");
  else if (deaf)
    context.talk("nothing is known: no other node is connected now; see " +
                 context.command("status") + "\n");
  else
    context.talk("nothing you may use yet; on the node that has it: weft allow SERVICE NODE\n");
}

void print_services(const Context& context, const Json& data) {
  Table table({"SERVICE", "NODE", "PROTOCOL", "HEALTH", "PATH", "RTT"});
  std::string first;
  for (const auto& s : data["services"]) {
    if (first.empty() && s.value("healthy", false))
      first = s.value("name", "") + "@" + s.value("node", "");
    table.add({s.value("name", ""), s.value("node", ""), s.value("protocol", ""), health_text(s),
               s.value("path", ""), ms_text(s["rtt_ms"])});
  }
  if (table.empty()) return talk_no_services(context);
  context.print(table);
  if (!first.empty()) context.next("open " + shell_word(first));
}

struct OpenOptions {
  std::string service, listen;
  bool once = false, any = false;
};

int run_open(const Context& context, const OpenOptions& options) {
  const auto limit = context.timeout_or(milliseconds(10'000));
  Json body{{"service", options.service},
            {"once", options.once},
            {"any", options.any},
            {"timeout_ms", limit.count()}};
  if (!options.listen.empty()) body["listen"] = options.listen;
  return context.show(context.ask("POST", "/api/v1/mappings", body, limit), [&](const Json& data) {
    const auto rtt = data["rtt_ms"].is_number() ? ", " + ms_text(data["rtt_ms"]) : "";
    const auto listen = data.value("listen", "");
    const auto service = data.value("service", "") + "@" + data.value("node", "");
    context.print(listen + " -> " + service + "  " + data.value("path", "") + rtt + "\n");
    const auto kept = data.value("existing", false) ? "this door was open already"
                      : options.once                ? "for one connection"
                                                    : "kept across restarts";
    context.talk(std::string(kept) + "; close it with: " +
                 context.command("close " + data.value("mapping", "")) + "\n");
    if (data.value("reach", "machine") != "machine")
      context.talk("warning: whoever reaches this machine at " + listen + " may use " + service +
                   " as this node;\n  without --listen only programs on this machine may\n");
  });
}

void print_doors(const Context& context, const Json& data) {
  Table table({"DOOR", "TO", "STATE", "LISTEN", "CONNECTIONS", "SENT", "RECEIVED"});
  for (const auto& m : data["mappings"])
    table.add({m.value("mapping", ""), door_text(m), or_dash(m.value("state", "")), listen_text(m),
               std::to_string(m.value("connections", std::uint64_t{0})),
               bytes_text(m.value("tx_bytes", std::uint64_t{0})),
               bytes_text(m.value("rx_bytes", std::uint64_t{0}))});
  if (!table.empty()) return context.print(table);
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
  expose->add_option("--allow", options->allow, "who may use it: node, group:NAME or *; repeatable")
      ->type_name("WHO[,WHO...]")
      ->delimiter(',')
      ->allow_extra_args(false);
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

  struct Verb {
    const char *name, *about, *who, *example;
  };
  for (const Verb& each :
       {Verb{"allow", "Let somebody use a service of this node; a deny comes first",
             "node, NodeId, group:NAME or '*'", "allow blog laptop phone"},
        Verb{"deny", "Let somebody use it no more, whatever allows it; ends open connections",
             "node, NodeId, group:NAME or '*'", "deny blog laptop"},
        Verb{"reset", "Forget the rules of a service: allows and denies, of all or of some",
             "those whose rules go; none: all, so that nobody may use it", "reset blog '*'"}}) {
    const std::string verb = each.name;
    auto* command = app.add_subcommand(verb, each.about);
    auto access = std::make_shared<AccessOptions>();
    command->add_option("service", access->service, "a service of this node")->required();
    command->add_option("who", access->who, each.who)->required(verb != "reset");
    command->footer(std::string("example: weft ") + each.example);
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
  open->add_option("service", options->service,
                   "SERVICE@NODE; SERVICE when one node offers it; SERVICE@NODE,NODE: the others\n"
                   "when the first does not serve")
      ->required();
  open->add_flag("--any", options->any,
                 "nodes of the same owner may serve too: the nearest whose program answers");
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

  auto* doors =
      app.add_subcommand("doors", "The doors that are open here, and what went through them");
  doors->alias("mappings");
  doors->footer("example: weft doors");
  doors->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/mappings"),
                          [&](const Json& data) { print_doors(context, data); });
    };
  });

  auto* close = app.add_subcommand("close", "Close a door");
  auto mapping = std::make_shared<std::string>();
  close->add_option("door", *mapping, "its number in `weft doors`, or SERVICE[@NODE]")->required();
  close->footer("example: weft close blog@oak");
  close->callback([&context, mapping] {
    context.action = [&context, mapping] {
      return context.show(
          context.ask("DELETE", "/api/v1/mappings/" + escape(*mapping)), [&](const Json& data) {
            const auto all = data.find("closed");
            context.print("closed " +
                          (all == data.end() ? data.value("listen", "") : list_text(*all)) + "\n");
          });
    };
  });

  auto* pipe = app.add_subcommand("pipe", "Connect standard input and output to a service");
  auto service = std::make_shared<std::string>();
  pipe->add_option("service", *service, "SERVICE@NODE, or SERVICE when one node offers it")
      ->required();
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
