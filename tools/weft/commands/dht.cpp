// dht stats, lookup, get, put: a look into the distributed hash table.
#include <unistd.h>

#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kMostSeconds = 30 * 86'400;

std::string number(const Json& data, const char* name) {
  return std::to_string(data.value(name, std::uint64_t{0}));
}

std::string cost(const Json& data) {
  return number(data, "messages") + " messages, " + number(data, "hops") + " hops, " +
         ms_text(data["took_ms"]) + "\n";
}

int run_stats(const Context& context) {
  return context.show(context.ask("GET", "/api/v1/dht"), [&](const Json& data) {
    if (!data.value("running", false)) return context.print("the DHT is not running yet\n");
    Table table({"role", data.value("server", false) ? "server: answers others"
                                                     : "client: not known to be reachable"});
    table.add({"mode", data.value("mode", "")});
    table.add({"contacts", number(data, "contacts") + " verified in " + number(data, "buckets") +
                               " buckets, " + number(data, "known") + " by hearsay"});
    table.add({"network", "about " + number(data, "network_estimate") + " nodes"});
    table.add({"records", number(data, "records") + " held for others"});
    table.add({"found", number(data, "found") + " addresses of members, " +
                            number(data, "lan_heard") + " LAN announcements"});
    table.add({"traffic", bytes_text(data.value("tx_bytes", std::uint64_t{0})) + " sent, " +
                              bytes_text(data.value("rx_bytes", std::uint64_t{0})) + " received, " +
                              number(data, "dropped") + " datagrams dropped"});
    context.print(table.text());
  });
}

int run_lookup(const Context& context, const std::string& key) {
  const auto result = context.ask("POST", "/api/v1/dht/lookup", Json{{"key", key}},
                                  context.timeout_or(milliseconds(30'000)));
  return context.show(result, [&](const Json& data) {
    if (!data["endpoints"].empty()) context.print(list_text(data["endpoints"]) + "\n");
    for (const auto& provider : data["providers"])
      context.print(printable(provider.get<std::string>()) + "\n");
    Table table({"NODE", "ENDPOINT"});
    for (const auto& node : data["nodes"])
      table.add({node.value("id", ""), node.value("endpoint", "")});
    if (!table.empty()) context.print(table.text());
    context.talk(cost(data));
  });
}

int run_get(const Context& context, const std::string& key, bool raw) {
  const auto result = context.ask("POST", "/api/v1/dht/get", Json{{"key", key}},
                                  context.timeout_or(milliseconds(30'000)));
  return context.show(result, [&](const Json& data) {
    // Others wrote it: as it is for a program, harmless for a terminal.
    const bool as_is = raw || ::isatty(STDOUT_FILENO) == 0;
    if (data["value"].is_string())
      context.print((as_is ? *result : data).value("value", "") + "\n");
    if (!data["endpoints"].empty()) context.print(list_text(data["endpoints"]) + "\n");
    for (const auto& provider : data["providers"])
      context.print(printable(provider.get<std::string>()) + "\n");
    context.talk(std::string(data.value("agreed", false) ? "independent paths agree; " : "") +
                 "sequence " + number(data, "seq") + ", " + cost(data));
  });
}

struct PutOptions {
  std::string value;
  std::string salt;
  std::optional<milliseconds> ttl;
};

int run_put(const Context& context, const PutOptions& options) {
  Json body{{"value", options.value}};
  if (!options.salt.empty()) body["salt"] = options.salt;
  if (options.ttl) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*options.ttl).count();
    if (seconds < 1 || seconds > kMostSeconds)
      return context.report({Code::Usage, "a value lives between 1s and 30d", "",
                             "give another --ttl, or none: it is then published again and again"});
    body["ttl_s"] = seconds;
  }
  const auto result =
      context.ask("POST", "/api/v1/dht/put", body, context.timeout_or(milliseconds(30'000)));
  return context.show(result, [&](const Json& data) {
    context.print(data.value("key", "") + "\n");
    context.talk("stored on " + number(data, "stored") + " nodes, " + cost(data));
    context.next("dht get " + data.value("key", ""));
  });
}

void add(CLI::App& app, Context& context) {
  auto* dht = app.add_subcommand("dht", "Look into the distributed hash table");
  dht->require_subcommand(1);
  dht->footer("example: weft dht lookup oak");

  auto* stats = dht->add_subcommand("stats", "Contacts, records, mode, traffic");
  stats->callback([&context] { context.action = [&context] { return run_stats(context); }; });

  auto key = std::make_shared<std::string>();
  const char* about = "a node's name or id, service:NAME, or 64 hex digits";
  auto* lookup = dht->add_subcommand("lookup", "Who is nearest to a key; where a node is now");
  lookup->add_option("KEY", *key, about)->required();
  lookup->footer("example: weft dht lookup oak");
  lookup->callback(
      [&context, key] { context.action = [&context, key] { return run_lookup(context, *key); }; });
  auto* get = dht->add_subcommand("get", "Read what is stored under a key");
  get->add_option("KEY", *key, about)->required();
  auto raw = std::make_shared<bool>(false);
  get->add_flag("--raw", *raw, "the value as it is, also to a terminal");
  get->footer("example: weft dht get service:blog");
  get->callback([&context, key, raw] {
    context.action = [&context, key, raw] { return run_get(context, *key, *raw); };
  });

  auto options = std::make_shared<PutOptions>();
  auto* put = dht->add_subcommand("put", "Store a value, signed by this node, for its network");
  put->add_option("VALUE", options->value, "at most 960 bytes")->required();
  put->add_option("--salt", options->salt, "names one of several values of this node");
  add_duration(*put, "--ttl", options->ttl, "forgotten then; without: kept and published again",
               Unit::Needed);
  put->footer("example: weft dht put \"hello\" --ttl 1h");
  put->callback([&context, options] {
    context.action = [&context, options] { return run_put(context, *options); };
  });
}

}  // namespace

CommandSet dht_commands() { return {40, add}; }

}  // namespace weft::cli
