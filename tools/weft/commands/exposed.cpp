// expose, unexpose, allow, deny, reset: the giving side of services.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct ExposeOptions {
  std::string target, name, protocol, relay;
  std::vector<std::string> allow, to;
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
  auto protocol = options.protocol;
  if (!options.to.empty()) {
    target = "exit:";
    for (const auto& rule : options.to) target += (target.size() > 5 ? "," : "") + rule;
    if (protocol.empty()) protocol = "socks5";
  }
  if (target.starts_with("unix:") && !target.starts_with("unix:/")) {
    std::error_code none;  // no path, or no working directory: the daemon says what it wants
    const auto path = std::filesystem::absolute(target.substr(5), none);
    if (!none) target = "unix:" + path.lexically_normal().string();
  }
  if (protocol == "file") {
    std::error_code none;
    const auto path = std::filesystem::absolute(target, none);
    if (!none) target = path.lexically_normal().string();
  }
  Json body{{"target", target}, {"protocol", protocol.empty() ? "tcp" : protocol}};
  if (!options.name.empty()) body["name"] = options.name;
  if (!options.relay.empty()) body["relay"] = options.relay;
  if (!options.allow.empty()) body["allow"] = options.allow;
  return context.show(context.ask("POST", "/api/v1/exposed", body), [&](const Json& data) {
    const auto name = data.value("name", ""), place = data.value("target", "");
    context.print(name + "  " + data.value("protocol", "") + "  " + place + "\n");
    const bool nobody = data["allow"].empty();
    if (data.value("relay", "") == "never") context.talk("nothing of it goes through a relay\n");
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

void add(CLI::App& app, Context& context) {
  auto* expose = app.add_subcommand("expose", "Offer a service; nobody may use it until allowed");
  auto options = std::make_shared<ExposeOptions>();
  expose->add_option(
      "target", options->target,
      "where the service is: PORT on this machine, HOST:PORT, unix:PATH, or a folder;\n"
      "not of an exit, which has --to");
  expose->add_option("--name", options->name, "the service's name (default: PROTOCOL-PORT)");
  expose->add_option("--protocol", options->protocol,
                     "tcp (default), udp, http: the program is told who asks,\n"
                     "file: a folder, to read, or socks5: this node as an exit, with --to");
  expose->add_option("--allow", options->allow, "who may use it: node, group:NAME or *")
      ->type_name("WHO[,WHO...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  expose
      ->add_option("--to", options->to,
                   "where an exit leads: any (the public internet), CIDR, name or .name")
      ->type_name("RULE[,RULE...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  expose
      ->add_option("--relay", options->relay,
                   "never: only who has a direct way may use it (default: allowed)")
      ->type_name("never|allowed");
  expose->footer("example: weft expose 3000 --name blog --allow laptop");
  expose->callback([&context, options] {
    if (options->target.empty() && options->to.empty())
      throw CLI::RequiredError(options->protocol == "socks5" ? "--to" : "TARGET");
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

}  // namespace

CommandSet exposed_commands() { return {30, add}; }

}  // namespace weft::cli
