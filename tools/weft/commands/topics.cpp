// publish, subscribe, request, reply; topic, broker: messages among the members.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/base64.hpp"
#include "base/text.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/filter.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct TopicOptions {
  std::vector<std::string> topics;
  std::string topic, text, ack, group, exec, listen, who, since;
  bool publish = false;
  bool read = false;
  bool has_text = false;
  bool retain = false;
  bool lines = false;  // --jsonl
  std::size_t last = 0;
  std::uint64_t count = 0;  // 0: for ever
};

void put_payload(Json& body, const std::string& payload) {
  if (is_utf8(payload))
    body["payload"] = payload;
  else
    body["payload_b64"] = to_base64(bytes_of(payload));
}

std::string payload_of(const Json& message) {
  if (message.contains("payload")) return message.value("payload", "");
  const auto bytes = from_base64(message.value("payload_b64", ""));
  return bytes ? std::string(text_of(*bytes)) : std::string();
}

Json body_of(const Context& context, const TopicOptions& options, const std::string& payload) {
  Json body{{"topic", options.topic}};
  put_payload(body, payload);
  if (options.retain) body["retain"] = true;
  if (!options.ack.empty()) body["ack"] = options.ack;
  if (context.timeout) body["timeout_ms"] = context.timeout->count();
  return body;
}

// ---- publish, request ---------------------------------------------------------------------------

int publish_one(const Context& context, const TopicOptions& options, const std::string& payload) {
  const auto limit = context.timeout_or(std::chrono::seconds(10));
  const auto body = body_of(context, options, payload);
  return context.show(context.ask("POST", "/api/v1/messages", body, limit), [&](const Json& data) {
    context.talk("published " + data.value("topic", "") + " #" +
                 std::to_string(data.value("seq", std::uint64_t{0})) + ", " +
                 data.value("ack", "") +
                 (data.value("ack", "") == "sent"
                      ? std::string()
                      : " by " + std::to_string(data.value("holders", 0)) + " members") +
                 "\n");
  });
}

int run_publish(const Context& context, const TopicOptions& options) {
  if (options.text != "-") return publish_one(context, options, options.text);
  std::string line;
  while (std::getline(std::cin, line))
    if (const int code = publish_one(context, options, line); code != 0) return code;
  return 0;
}

std::string whole_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

int run_request(const Context& context, const TopicOptions& options) {
  const auto payload = options.text == "-" ? whole_input() : options.text;
  const auto limit = context.timeout_or(std::chrono::seconds(5));
  const auto body = body_of(context, options, payload);
  return context.show(context.ask("POST", "/api/v1/requests", body, limit),
                      [&](const Json& data) { context.print(payload_of(data) + "\n"); });
}

// ---- subscribe, reply ---------------------------------------------------------------------------

std::string path_of(const TopicOptions& options) {
  std::string path = "/api/v1/messages?last=" + std::to_string(options.last);
  for (const auto& topic : options.topics) path += "&topic=" + escape(topic);
  if (!options.group.empty()) path += "&group=" + escape(options.group);
  if (!options.since.empty()) path += "&since=" + escape(options.since);
  return path;
}

// "10m" as the stamp of that time; the hlc of a message as it is.
std::string position_of(const std::string& since) {
  const auto ago = duration_from_text(since);
  const bool number = since.find_first_not_of("0123456789") == std::string::npos;
  if (!ago || number) return since;
  const auto then = std::chrono::system_clock::now() - *ago;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(then.time_since_epoch());
  return std::to_string(static_cast<std::uint64_t>(std::max<std::int64_t>(ms.count(), 1)) << 16);
}

// `take`: false when no more is wanted. Ends also when the daemon does.
int listen(const Context& context, const TopicOptions& options,
           const std::function<bool(const Json&)>& take) {
  bool enough = false;
  const auto event = [&](const StreamEvent& said) {
    const auto data = Json::parse(said.data, nullptr, /*allow_exceptions=*/false);
    if (data.is_object()) enough = !take(data);
    return !enough;
  };
  const auto ended =
      context.client().stream(context.for_network(path_of(options)), {event, {}}, context.timeout);
  if (!ended) {
    const bool over = ended.error().code == api::Code::Timeout && options.count == 0;
    return over ? 0 : context.report(ended.error());
  }
  if (enough) return 0;
  return context.report({api::Code::Failed, "the messages ended",
                         "the daemon stopped, or has begun anew", context.command("status")});
}

int run_subscribe(const Context& context, const TopicOptions& options) {
  std::uint64_t seen = 0;
  return listen(context, options, [&](const Json& message) {
    if (options.lines || context.json) {
      context.print(json_text(message) + "\n");
    } else {
      if (message.contains("missed"))
        context.talk("-- missed " + std::to_string(message.value("missed", std::uint64_t{0})) +
                     " messages --\n");
      context.print(printable(message.value("topic", "") + "  " + payload_of(message)) + "\n");
    }
    std::cout.flush();
    return static_cast<bool>(std::cout) && (options.count == 0 || ++seen < options.count);
  });
}

int run_reply(const Context& context, const TopicOptions& options) {
  std::uint64_t seen = 0;
  int failed = 0;
  const int code = listen(context, options, [&](const Json& message) {
    const auto to = message.value("reply", "");
    if (to.empty() || message.value("retained", false)) return true;
    const auto answer = run_filter(options.exec, payload_of(message),
                                   {{"WEFT_TOPIC", message.value("topic", "")},
                                    {"WEFT_PUBLISHER", message.value("publisher", "")}});
    if (!answer) {
      context.talk("no reply to " + message.value("publisher", "") + ": " + answer.error().detail +
                   "\n");
    } else {
      Json body{{"topic", to}};
      put_payload(body, *answer);
      if (const auto sent = context.ask("POST", "/api/v1/messages", body); !sent)
        failed = context.report(sent.error());
    }
    return failed == 0 && (options.count == 0 || ++seen < options.count);
  });
  return failed != 0 ? failed : code;
}

// ---- topic, broker ------------------------------------------------------------------------------

void print_rules(const Context& context, const Json& data) {
  Table table({"RULE ABOUT", "WHO", "PUBLISH", "READ"});
  const auto ruling = [](const Json& rule, const char* right) {
    return rule[right].is_string() ? rule[right].get<std::string>() : std::string("-");
  };
  for (const auto& rule : data.at("rules"))
    table.add({printable(rule.value("topic", "")), printable(rule.value("who", "")),
               ruling(rule, "publish"), ruling(rule, "read")});
  if (!table.empty()) return context.print(table.text());
  context.talk("no rules about topics: every member may publish and read\n");
}

int run_rule(const Context& context, const TopicOptions& options, const std::string& ruling) {
  Json body{{"topic", options.topic}, {"who", options.who}};
  const bool both = options.publish == options.read;
  if (both || options.publish) body["publish"] = ruling;
  if (both || options.read) body["read"] = ruling;
  return context.show(context.ask("PUT", "/api/v1/topics/rules", body),
                      [&](const Json& data) { print_rules(context, data); });
}

int run_topics(const Context& context) {
  auto answer = context.ask("GET", "/api/v1/topics");
  const auto rules = context.ask("GET", "/api/v1/topics/rules");
  if (answer && rules) (*answer)["rules"] = rules->value("rules", Json::array());
  return context.show(answer, [&](const Json& data) {
    if (data.contains("rules") && !data["rules"].empty()) print_rules(context, data);
    Table table({"TOPIC", "RETAINED", "PUBLISHER", "SUBSCRIBERS HERE"});
    for (const auto& topic : data["topics"])
      table.add({printable(topic.value("topic", "")),
                 topic.value("retained", false) ? bytes_text(topic.value("bytes", std::uint64_t{0}))
                                                : "-",
                 printable(or_dash(topic.value("publisher", ""))),
                 std::to_string(topic.value("subscribers", 0))});
    if (!table.empty()) return context.print(table.text());
    context.talk("no topic has a retained value or a subscriber here; any may be published to\n");
  });
}

int run_broker(const Context& context) {
  auto answer = context.ask("GET", "/api/v1/broker");
  const auto door = context.ask("GET", "/api/v1/broker/nats");
  if (answer && door) {
    (*answer)["nats"] = door->value("nats", Json());
    (*answer)["nats_clients"] = door->value("nats_clients", 0);
  }
  return context.show(answer, [&](const Json& data) {
    Table table({"BROKER", ""});
    const auto& nats = data.value("nats", Json());
    table.add({"nats", nats.is_string() ? nats.get<std::string>() : "off"});
    for (const auto* name : {"links", "subscribers", "retained", "cached_bytes", "dropped"})
      table.add({name, std::to_string(data.value(name, std::uint64_t{0}))});
    if (data.contains("counts"))
      for (const auto& [name, value] : data["counts"].items())
        table.add({name, std::to_string(value.get<std::uint64_t>())});
    context.print(table.text());
  });
}

int run_door(const Context& context, std::string_view method, const TopicOptions& options) {
  std::optional<Json> body;
  if (!options.listen.empty()) body = Json{{"listen", options.listen}};
  return context.show(context.ask(method, "/api/v1/broker/nats", body), [&](const Json& data) {
    const auto& nats = data.at("nats");
    if (nats.is_string())
      context.print("programs that speak NATS connect to " + nats.get<std::string>() + "\n");
    else
      context.print("no door for programs that speak NATS\n");
  });
}

// ---- the parser ---------------------------------------------------------------------------------

void add_message(CLI::App& app, Context& context) {
  auto options = std::make_shared<TopicOptions>();
  auto* publish = app.add_subcommand("publish", "Send a message to all who subscribe to a topic");
  publish->add_option("topic", options->topic, "words parted by dots: app.door")->required();
  publish->add_option("message", options->text, "the message; -: each line of standard input");
  publish->add_flag("--retain", options->retain, "who subscribes later begins with it");
  publish
      ->add_option("--ack", options->ack,
                   "when it is done: sent, held by three members, durable on three disks")
      ->check(CLI::IsMember({"sent", "held", "durable"}));
  publish->footer("example: weft publish app.door open --retain");
  publish->callback([&context, options] {
    context.action = [&context, options] { return run_publish(context, *options); };
  });

  auto asked = std::make_shared<TopicOptions>();
  auto* request = app.add_subcommand("request", "Send a message and print the first reply");
  request->add_option("topic", asked->topic, "where somebody replies")->required();
  request->add_option("message", asked->text, "the message; -: all of standard input");
  request->footer("example: weft request app.time now --timeout 2s");
  request->callback([&context, asked] {
    context.action = [&context, asked] { return run_request(context, *asked); };
  });
}

void add_listening(CLI::App& app, Context& context) {
  auto options = std::make_shared<TopicOptions>();
  auto* subscribe = app.add_subcommand("subscribe", "Print messages as they come");
  subscribe
      ->add_option("topic", options->topics, "app.door; app.* for one more word, app.> for any")
      ->required();
  subscribe->add_flag("--jsonl", options->lines, "one weft.message/1 a line");
  subscribe->add_option("--last", options->last, "begin with so many of the last messages");
  subscribe->add_option("--since", options->since,
                        "begin with those of the last 10m, or behind the hlc of a message");
  subscribe->add_option("--count", options->count, "end after so many messages");
  subscribe->add_option("--group", options->group, "each message to one of this queue group");
  subscribe->footer("example: weft subscribe 'app.>' --jsonl");
  subscribe->callback([&context, options] {
    context.action = [&context, options] {
      options->since = position_of(options->since);
      return run_subscribe(context, *options);
    };
  });

  auto replying = std::make_shared<TopicOptions>();
  auto* reply = app.add_subcommand("reply", "Answer requests with what a command prints");
  reply->add_option("topic", replying->topics, "what is asked for")->required();
  reply
      ->add_option("--exec", replying->exec,
                   "run by the shell for each request: the message on its standard input, "
                   "WEFT_TOPIC and WEFT_PUBLISHER in its environment")
      ->required();
  reply->add_option("--count", replying->count, "end after so many replies");
  reply->add_option("--group", replying->group, "one of this queue group replies");
  reply->footer("example: weft reply app.time --exec date");
  reply->callback([&context, replying] {
    context.action = [&context, replying] { return run_reply(context, *replying); };
  });
}

void add_rules(CLI::App& topic, Context& context) {
  struct Verb {
    const char *name, *about, *ruling;
  };
  for (const Verb verb :
       {Verb{"allow", "Let somebody publish and read; the first closes the topic to all others",
             "allow"},
        Verb{"deny", "Keep somebody from it, whatever allows it", "deny"},
        Verb{"reset", "Take a rule away", "none"}}) {
    auto* command = topic.add_subcommand(verb.name, verb.about);
    command->fallthrough();
    auto options = std::make_shared<TopicOptions>();
    command->add_option("topic", options->topic, "app.door; app.* for one more word, app.> for any")
        ->required();
    command->add_option("who", options->who, "node, group:NAME or '*'")->required();
    command->add_flag("--publish", options->publish, "about publishing alone");
    command->add_flag("--read", options->read, "about reading alone");
    command->footer(std::string("example: weft topic ") + verb.name + " app.door oak --publish");
    const std::string ruling = verb.ruling;
    command->callback([&context, options, ruling] {
      context.action = [&context, options, ruling] { return run_rule(context, *options, ruling); };
    });
  }
}

void add(CLI::App& app, Context& context) {
  add_message(app, context);
  add_listening(app, context);
  auto* topic = app.add_subcommand("topic", "Topics of this network");
  topic->require_subcommand(1)->fallthrough();
  topic->footer("example: weft topic allow app.door oak --publish");
  auto* list = topic->add_subcommand(
      "list", "Those with a retained value or a subscriber here, and the rules");
  list->fallthrough();
  list->footer("example: weft topic list");
  list->callback([&context] { context.action = [&context] { return run_topics(context); }; });
  add_rules(*topic, context);
  auto* broker = app.add_subcommand("broker", "How this node's broker does");
  broker->require_subcommand(1)->fallthrough();
  broker->footer("example: weft broker status");
  auto* status = broker->add_subcommand("status", "Links, subscribers, what was counted");
  status->fallthrough();
  status->footer("example: weft broker status");
  status->callback([&context] { context.action = [&context] { return run_broker(context); }; });
  auto options = std::make_shared<TopicOptions>();
  auto* listen = broker->add_subcommand("listen", "A door for programs that speak NATS");
  listen->fallthrough();
  listen->add_option("listen", options->listen, "nats://127.0.0.1:4222, on the loopback")
      ->required();
  listen->footer("example: weft broker listen nats://127.0.0.1:4222");
  listen->callback([&context, options] {
    context.action = [&context, options] { return run_door(context, "PUT", *options); };
  });
  auto* off = broker->add_subcommand("off", "Close that door");
  off->fallthrough();
  off->footer("example: weft broker off");
  off->callback(
      [&context] { context.action = [&context] { return run_door(context, "DELETE", {}); }; });
}

}  // namespace

CommandSet topics_commands() { return {34, add}; }

}  // namespace weft::cli
