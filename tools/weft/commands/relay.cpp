// relay: whether this node hands on datagrams between members that do not reach each other.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct RelayOptions {
  std::string rate, cap, whom;
};

std::string amount_text(std::uint64_t bytes) {
  if (bytes < 1'000'000) return std::to_string(bytes / 1000) + " kB";
  if (bytes < 1'000'000'000) return std::to_string(bytes / 1'000'000) + " MB";
  return std::to_string(bytes / 1'000'000'000) + " GB";
}

void show(const Context& context, const Json& data) {
  const bool on = data.value("enabled", false);
  const auto source = data.value("source", "");
  context.print(on ? "relays for the members of its networks (" + source + ")\n"
                   : "relays nothing: " + data.value("why_not", "") + " (" + source + ")\n");
  context.talk("  at most:  " + data.value("rate", "") + ", " + data.value("cap", "") + "\n");
  context.talk("  used:     " + amount_text(data.value("used_bytes", std::uint64_t{0})) +
               " this month, " + std::to_string(data.value("load_permille", 0) / 10) +
               " % of the rate now\n");
  context.talk("  serves:   " + std::to_string(data.value("reservations", 0)) +
               " nodes reachable through it, " + std::to_string(data.value("circuits", 0)) +
               " circuits\n");
  if (const auto own = data.value("own_circuits", 0); own > 0)
    context.talk("  uses:     " + std::to_string(own) + " circuits through others\n");
}

int run_relay(const Context& context, const std::string& mode, const RelayOptions& options) {
  const auto answer = [&] {
    if (mode == "status") return context.ask("GET", "/api/v1/relay");
    Json body{{"mode", mode}};
    if (!options.rate.empty()) body["rate"] = options.rate;
    if (!options.cap.empty()) body["cap"] = options.cap;
    if (!options.whom.empty()) body["for"] = options.whom;
    return context.ask("PUT", "/api/v1/relay", body);
  }();
  return context.show(answer, [&](const Json& data) { show(context, data); });
}

void add(CLI::App& app, Context& context) {
  auto* relay = app.add_subcommand(
      "relay", "Hand on datagrams between members that do not reach each other, or stop it");
  relay->require_subcommand(1)->fallthrough();
  relay->footer(
      "Without a command a node relays for its networks once others reach it.\n"
      "example: weft relay on --rate 50Mbit/s --cap 500GB/month");
  struct Verb {
    const char *name, *about;
    bool takes_limits;
  };
  for (const Verb verb : {Verb{"on", "Relay for the members of this node's networks", true},
                          Verb{"off", "Relay nothing; what is relayed now ends", false},
                          Verb{"auto", "Relay once others reach this node, as by default", true},
                          Verb{"status", "Whether it relays, for how many, and how much", false}}) {
    auto* command = relay->add_subcommand(verb.name, verb.about);
    command->fallthrough();
    auto options = std::make_shared<RelayOptions>();
    if (verb.takes_limits) {
      command->add_option("--rate", options->rate, "at most so fast: 20Mbit/s, unlimited");
      command->add_option("--cap", options->cap, "at most so much: 50GB/month, unlimited");
      command->add_option("--for", options->whom, "whom: network");
    }
    command->footer(std::string("example: weft relay ") + verb.name);
    const std::string mode = verb.name;
    command->callback([&context, options, mode] {
      context.action = [&context, options, mode] { return run_relay(context, mode, *options); };
    });
  }
}

}  // namespace

CommandSet relay_commands() { return {35, add}; }

}  // namespace weft::cli
