// Messages among the members: publish, subscribe, request; which topics there are; how the broker
// does. weft.message/1, weft.topics/1, weft.broker/1.
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.hpp"
#include "base/text.hpp"
#include "node/api/checks.hpp"
#include "node/broker_host.hpp"
#include "node/control_answers.hpp"
#include "node/nats_door.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::node {
namespace {

using api::Call;
using api::Field;
using api::Json;
using api::Type;

constexpr std::int64_t kMaxText = 60'000;
constexpr std::size_t kAhead = 64 * 1024;  // written before the client has taken it
constexpr std::uint64_t kStampBits = 16;

const char* name_of(broker::Level level) {
  if (level == broker::Level::Held) return "held";
  return level == broker::Level::Durable ? "durable" : "sent";
}

void put_payload(Json& out, const Bytes& payload) {
  if (is_utf8(text_of(payload)))
    out["payload"] = std::string(text_of(payload));
  else
    out["payload_b64"] = to_base64(payload);
}

std::string time_of(std::uint64_t stamp) {
  return api::rfc3339(static_cast<UnixTime>((stamp >> kStampBits) / 1000));
}

Json to_json(const BrokerHost& host, const broker::Delivered& delivered) {
  const auto& placed = delivered.placed;
  const auto& message = placed.message();
  Json out{{"schema", "weft.message/1"},
           {"topic", message.topic},
           {"publisher", host.name_of(placed.batch->publisher)},
           {"publisher_id", to_text(placed.batch->publisher)},
           {"epoch", placed.batch->epoch},
           {"seq", placed.sequence()},
           {"time", time_of(placed.stamp())},
           {"hlc", std::to_string(placed.stamp())}};
  put_payload(out, message.payload);
  if (!message.reply.empty()) out["reply"] = message.reply;
  if (!message.headers.empty()) out["headers_b64"] = to_base64(message.headers);
  if (delivered.retained) out["retained"] = true;
  if (delivered.missed > 0) out["missed"] = delivered.missed;
  return out;
}

// ---- publish and request ------------------------------------------------------------------------

bool bad_topic(const Call& call, const std::string& topic, bool pattern) {
  if (pattern ? broker::is_pattern(topic) : broker::is_topic(topic)) return false;
  send_error(call.answer, api::Code::Usage, "\"" + topic.substr(0, 80) + "\" is no topic",
             "a topic is words parted by dots, without spaces, at most 255 bytes",
             pattern ? "app.door, app.* for one more word, app.> for any more"
                     : "publish to one topic, as app.door; * and > are for subscribers");
  return true;
}

std::optional<broker::Message> message_of(const Call& call) {
  broker::Message out;
  out.topic = call.text("topic");
  out.reply = call.text("reply");
  if (bad_topic(call, out.topic, false)) return std::nullopt;
  if (!out.reply.empty() && bad_topic(call, out.reply, false)) return std::nullopt;
  if (call.body.contains("payload_b64")) {
    auto bytes = from_base64(call.text("payload_b64"));
    if (!bytes) {
      send_error(call.answer, api::Code::Usage, "payload_b64 is no base64", "",
                 "with padding, RFC 4648 section 4; or give the text as payload");
      return std::nullopt;
    }
    out.payload = std::move(*bytes);
  } else {
    out.payload = to_bytes(bytes_of(call.text("payload")));
  }
  return out;
}

// Of a topic that this node was kept from.
std::string rule_fix(const BrokerHost& host, const std::string& topic, const char* right) {
  if (broker::is_system(topic) || topic.starts_with(broker::kReserved))
    return "take a topic of your own, as app.door";
  return "weft topic list shows the rules; an admin may change them: weft topic allow " + topic +
         " " + host.own_name() + " --" + right;
}

std::string fix_of(const Error& error) {
  switch (error.code) {
    case Errc::Timeout:
      return "see weft members for who is away; --ack sent waits for nobody";
    case Errc::Limit:
      return "publish more slowly, or see weft broker status";
    default:
      return {};
  }
}

void run_publish(BrokerHost& host, Call& call) {
  auto message = message_of(call);
  if (!message) return;
  broker::Publish what{std::move(*message)};
  what.retain = call.body.value("retain", false);
  const auto ack = call.body.value("ack", std::string(what.retain ? "held" : "sent"));
  if (ack == "held")
    what.want = broker::Level::Held;
  else if (ack == "durable")
    what.want = broker::Level::Durable;
  else if (ack != "sent")
    return send_error(call.answer, api::Code::Usage, "ack is sent, held or durable", "",
                      "docs/broker.md says what each means");
  what.within = call.timeout(10'000);
  Json answer{{"schema", "weft.message/1"},         {"topic", what.message.topic},
              {"publisher", host.overlay().name()}, {"publisher_id", to_text(host.overlay().id())},
              {"ack", name_of(what.want)},          {"retain", what.retain}};
  host.publish(std::move(what),
               [&host, call, answer](const Result<BrokerHost::Receipt>& result) mutable {
                 if (!result) {
                   auto error = api::to_api_error(result.error(), "not published as asked");
                   error.fix = result.error().code == Errc::Denied
                                   ? rule_fix(host, call.text("topic"), "publish")
                                   : fix_of(result.error());
                   return send_error(call.answer, error);
                 }
                 answer["epoch"] = result->epoch;
                 answer["seq"] = result->sequence;
                 answer["time"] = time_of(result->stamp);
                 answer["hlc"] = std::to_string(result->stamp);
                 answer["holders"] = result->holders;
                 send_data(call.answer, std::move(answer));
               });
}

void run_request(BrokerHost& host, Call& call) {
  auto message = message_of(call);
  if (!message) return;
  const auto within = call.timeout(5'000);
  host.request(std::move(*message), within, [call, &host](const Result<broker::Delivered>& reply) {
    if (reply) return send_data(call.answer, to_json(host, *reply));
    auto error = api::to_api_error(reply.error(), "no reply");
    error.fix = "does somebody subscribe to it? weft reply TOPIC --exec CMD replies";
    if (reply.error().code == Errc::Denied)
      error.fix = rule_fix(host, call.text("topic"), "publish");
    send_error(call.answer, error);
  });
}

// ---- subscribe ----------------------------------------------------------------------------------

// Takes from its queue what the client has room for: what is too much is the broker's to drop, and
// to tell.
class Reader : public std::enable_shared_from_this<Reader> {
 public:
  // Of the network that is meant when it is asked for; the stream begins later.
  Reader(BrokerHost& host, std::optional<NetworkId> network,
         std::shared_ptr<api::AnswerStream> stream)
      : host_(host), network_(network), stream_(std::move(stream)) {}

  void begin(const broker::Wanted& wanted) {
    const overlay::Overlay::Meaning meaning(host_.overlay(), network_);
    auto subscribed = host_.subscribe(wanted, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pump();
    });
    if (!subscribed) return stream_->end();
    subscription_ = std::move(*subscribed);
    stream_->write(": messages\n\n");
    pump();
  }
  void pump() {
    const auto self = shared_from_this();
    const overlay::Overlay::Meaning meaning(host_.overlay(), network_);  // names are of it
    if (subscription_ && subscription_->gone()) {
      close();
      return stream_->end();
    }
    while (subscription_ && stream_->backlog() < kAhead) {
      const auto next = subscription_->next();
      if (!next) return;
      const auto data = to_json(host_, *next).dump(-1, ' ', false, Json::error_handler_t::replace);
      if (!stream_->write("event: message\ndata: " + data + "\n\n")) return close();
    }
  }
  void close() { subscription_.reset(); }

 private:
  BrokerHost& host_;
  std::optional<NetworkId> network_;
  std::shared_ptr<api::AnswerStream> stream_;
  std::unique_ptr<BrokerHost::Subscription> subscription_;
};

void run_subscribe(BrokerHost& host, Call& call) {
  broker::Wanted wanted;
  wanted.patterns = call.list("topic");
  for (const auto& pattern : wanted.patterns)
    if (bad_topic(call, pattern, true)) return;
  for (const auto& pattern : wanted.patterns) {
    if (broker::has_wildcard(pattern)) continue;
    if (const auto may = host.may(pattern, broker::Right::Read); !may) {
      auto error = api::to_api_error(may.error(), "this node may not read " + pattern);
      error.fix = rule_fix(host, pattern, "read");
      return send_error(call.answer, error);
    }
  }
  wanted.group = call.text("group");
  wanted.last = call.body.value("last", std::size_t{0});
  if (const auto since = call.text("since"); !since.empty()) {
    const auto [end, error] =
        std::from_chars(since.data(), since.data() + since.size(), wanted.since);
    if (error != std::errc{} || end != since.data() + since.size())
      return send_error(call.answer, api::Code::Usage, "\"" + since.substr(0, 80) + "\" is no hlc",
                        "", "the hlc of a message, as subscribe --json prints it");
  }
  api::StreamAnswer stream;
  stream.begin = [&host, wanted, network = host.overlay().network()](
                     const std::shared_ptr<api::AnswerStream>& opened) {
    auto reader = std::make_shared<Reader>(host, network, opened);
    opened->when_drained([reader] { reader->pump(); });
    opened->when_closed([reader] { reader->close(); });
    reader->begin(wanted);
  };
  call.answer({200, {}, {}, {}, std::move(stream)});
}

// ---- views --------------------------------------------------------------------------------------

void run_topics(BrokerHost& host, Call& call) {
  const auto* core = host.core();
  Json topics = Json::array();
  if (core != nullptr) {
    for (const auto& [topic, batch] : core->retained().all()) {
      const auto& message = batch->messages.front();
      topics.push_back({{"topic", topic},
                        {"retained", !message.payload.empty()},
                        {"publisher", host.name_of(batch->publisher)},
                        {"time", time_of(batch->stamp)},
                        {"bytes", message.payload.size()},
                        {"subscribers", 0}});
    }
    for (const auto& [pattern, count] : core->subscribers().patterns()) {
      const auto known =
          std::ranges::find_if(topics, [&](const Json& one) { return one.at("topic") == pattern; });
      if (known != topics.end())
        (*known)["subscribers"] = count;
      else
        topics.push_back({{"topic", pattern}, {"retained", false}, {"subscribers", count}});
    }
  }
  send_data(call.answer, {{"schema", "weft.topics/1"}, {"topics", std::move(topics)}});
}

void run_broker(BrokerHost& host, Call& call) {
  Json out{{"schema", "weft.broker/1"}};
  if (const auto* core = host.core()) {
    out["links"] = core->links().size();
    out["subscribers"] = core->subscribers().size();
    out["retained"] = core->retained().size();
    out["retained_bytes"] = core->retained().bytes();
    out["cached_bytes"] = core->cache().bytes();
    out["waiting_bytes"] = core->links().waiting_bytes();
    out["dropped"] = core->subscribers().dropped();
    visit_fields(core->counts(), [&](auto name, auto, auto, auto value) {
      out["counts"][std::string(name)] = value;
    });
  }
  send_data(call.answer, std::move(out));
}

Json door_json(const NatsDoor& door) {
  const auto at = door.local();
  return {{"schema", "weft.broker/1"},
          {"nats", at ? Json("nats://" + to_text(*at)) : Json()},
          {"nats_clients", door.clients()}};
}

void run_door(NatsDoor& door, Call& call) { send_data(call.answer, door_json(door)); }

void run_listen(NatsDoor& door, Call& call) {
  const auto at = nats_address(call.text("listen"));
  const auto opened = at ? door.listen(*at) : std::unexpected(at.error());
  if (opened) return send_data(call.answer, door_json(door));
  auto error = api::to_api_error(opened.error(), "no door for programs that speak NATS");
  if (error.fix.empty()) error.fix = "weft broker listen nats://127.0.0.1:4222";
  send_error(call.answer, error);
}

void run_off(NatsDoor& door, Call& call) {
  door.off();
  send_data(call.answer, door_json(door));
}

std::vector<Field> message_fields() {
  return {{"topic", Type::Text, true, "where to, as app.door"},
          {"payload", Type::Text, false, "text", kMaxText, api::Logged::No},
          {"payload_b64", Type::Text, false, "bytes in base64, instead", kMaxText, api::Logged::No},
          {"reply", Type::Text, false, "the topic to reply to"},
          api::timeout_field()};
}

}  // namespace

std::vector<api::Route> topics_routes() {
  auto publish = message_fields();
  publish.push_back({"retain", Type::Flag, false, "later subscribers begin with it"});
  publish.push_back({"ack", Type::Text, false, "sent, held or durable; held if retained"});
  return {
      {"POST",
       "/api/v1/messages",
       "Publishes a message",
       "weft.message/1",
       std::move(publish),
       run_publish,
       {},
       api::Takes::Long},
      {"GET",
       "/api/v1/messages",
       "Messages as they come, as server-sent events",
       "weft.message/1",
       {{"topic", Type::Texts, true, "topics; * is one word, a last > any more"},
        {"group", Type::Text, false, "a queue group: each message to one of its members"},
        {"last", Type::Number, false, "begin with so many of the last messages", 100'000},
        {"since", Type::Text, false, "begin with those at hand that came after this hlc"}},
       run_subscribe,
       {},
       api::Takes::Stream},
      {"POST",
       "/api/v1/requests",
       "Publishes a message and waits for the first reply",
       "weft.message/1",
       message_fields(),
       run_request,
       {},
       api::Takes::Long},
      {"GET",
       "/api/v1/topics",
       "Topics with a retained value or a subscriber here",
       "weft.topics/1",
       {},
       run_topics},
      {"GET", "/api/v1/broker", "How the broker does", "weft.broker/1", {}, run_broker},
      {"GET",
       "/api/v1/broker/nats",
       "The door for programs that speak NATS",
       "weft.broker/1",
       {},
       run_door},
      {"PUT",
       "/api/v1/broker/nats",
       "Opens the door for programs that speak NATS",
       "weft.broker/1",
       {{"listen", Type::Text, true, "nats://127.0.0.1:4222"}},
       run_listen,
       "broker_listen"},
      {"DELETE", "/api/v1/broker/nats", "Closes it", "weft.broker/1", {}, run_off, "broker_off"},
  };
}

}  // namespace weft::node
