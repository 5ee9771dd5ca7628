// events: what happens at the node, as it happens.
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct EventsOptions {
  std::vector<std::string> kinds;
  std::string since;
  bool past = false;
  bool lines = false;  // --jsonl
};

std::string path_of(const Context& context, const EventsOptions& options,
                    const std::string& since) {
  std::string path = std::string("/api/v1/events?follow=") + (options.past ? "false" : "true");
  if (!since.empty()) path += "&since=" + escape(since);
  for (const auto& kind : options.kinds) path += "&kind=" + escape(kind);
  return context.for_network(path);
}

std::optional<Json> parse(const StreamEvent& said) {
  auto data = Json::parse(said.data, nullptr, /*allow_exceptions=*/false);
  return data.is_object() ? std::optional(std::move(data)) : std::nullopt;
}

// "18:38:07 warn  caller_denied  laptop may not use blog and asked for it"
void print_event(const Context& context, const Json& event) {
  const auto schema = event.value("schema", "");
  if (schema == "weft.gap/1") {
    const auto missing = event.value("reason", "") == "restarted"
                             ? std::string("the daemon was started anew")
                             : std::to_string(event.value("to", std::uint64_t{0}) + 1 -
                                              event.value("from", std::uint64_t{0})) +
                                   " events are not kept any more";
    return context.print("-- " + missing + " --\n");
  }
  if (schema == "weft.dropped/1")
    return context.print("-- too slow: " + event.value("reason", "") + " --\n");
  const auto time = event.value("time", "");
  const auto level = event.value("level", "");
  context.print(
      (time.size() > 19 ? time.substr(0, 19) + "Z" : time) + "  " +
      (level == "info" ? "" : level + "  ") + event.value("kind", "") + "  " +
      event.value("text", "") +
      (event.value("network", "").empty() ? "" : "  (" + event.value("network", "") + ")") + "\n");
}

// One object with what is kept: for who asks once.
int list_events(const Context& context, const EventsOptions& options) {
  Json list = Json::array();
  const auto event = [&](const StreamEvent& said) {
    if (auto data = parse(said)) list.push_back(std::move(*data));
    return true;
  };
  const auto ended = context.client().stream(path_of(context, options, options.since), {event, {}},
                                             context.timeout_or(std::chrono::seconds(30)));
  if (!ended) return context.report(ended.error());
  context.print(json_text({{"schema", "weft.events/1"}, {"events", list}}) + "\n");
  return 0;
}

// A stream that ended is begun again behind the last event that was seen: the daemon cut it off, as
// we were too slow, or it stops, and then the next call says so.
int show_events(const Context& context, const EventsOptions& options) {
  std::string since = options.since;
  const auto event = [&](const StreamEvent& said) {
    const auto data = parse(said);
    if (!data) return true;
    if (!said.id.empty()) since = said.id;
    if (options.lines)
      context.print(json_text(*data) + "\n");
    else
      print_event(context, printable_answer(*data));
    std::cout.flush();
    return static_cast<bool>(std::cout);
  };
  const auto limit = options.past ? context.timeout_or(std::chrono::seconds(30)) : context.timeout;
  do {
    const auto ended =
        context.client().stream(path_of(context, options, since), {event, {}}, limit);
    if (!ended && !options.past && ended.error().code == api::Code::Timeout) return 0;
    if (!ended) return context.report(ended.error());
  } while (!options.past && std::cout);
  return 0;
}

void add(CLI::App& app, Context& context) {
  auto* events = app.add_subcommand("events", "What happens at this node, as it happens");
  auto options = std::make_shared<EventsOptions>();
  events
      ->add_option("kind,--kind", options->kinds,
                   "kinds or groups: node, peers, members, services, doors, store, api")
      ->type_name("KIND");
  events
      ->add_option("--since", options->since,
                   "begin after this event: its id or seq; 0: all that are kept")
      ->type_name("SEQ");
  events->add_flag("--past", options->past, "only what is kept: do not wait for more");
  events->add_flag("--jsonl", options->lines, "one weft.event/1 a line");
  events->footer("example: weft events peers services --since 0");
  events->callback([&context, options] {
    context.action = [&context, options] {
      const bool object = context.json && !options->lines;  // an object ends
      if (object) options->past = true;
      if (options->past && options->since.empty()) options->since = "0";
      return object ? list_events(context, *options) : show_events(context, *options);
    };
  });
}

}  // namespace

CommandSet events_commands() { return {15, add}; }

}  // namespace weft::cli
