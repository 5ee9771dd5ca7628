#include "node/nats/client.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "overlay/broker/topic.hpp"

namespace weft::nats {

namespace {

constexpr std::string_view kJetStream = "$JS.";
constexpr std::string_view kNoResponders = "NATS/1.0 503\r\n\r\n";

}  // namespace

Client::Client(Bus& bus, const ServerName& server, std::uint64_t id, std::function<void()> wrote)
    : bus_(bus), wrote_(std::move(wrote)) {
  // The version is that of the protocol that is spoken here.
  const nlohmann::ordered_json info{{"server_id", server.id}, {"server_name", server.name},
                                    {"version", "2.9.0"},     {"proto", 1},
                                    {"host", server.host},    {"port", server.port},
                                    {"headers", true},        {"max_payload", kMaxPayload},
                                    {"client_id", id},        {"jetstream", false},
                                    {"auth_required", false}};
  out_ = "INFO " + info.dump() + "\r\n";
}

void Client::say(std::string_view text) {
  out_ += text;
  wrote_();
}

void Client::close() {
  ended_ = true;
  subscriptions_.clear();
}

void Client::fine() {
  if (verbose_) say("+OK\r\n");
}

void Client::refuse(std::string_view why, bool end) {
  ended_ = ended_ || end;
  if (end) subscriptions_.clear();
  say("-ERR '" + std::string(why) + "'\r\n");
}

void Client::receive(ByteView bytes) {
  if (ended_) return;
  parser_.feed(bytes);
  while (!ended_) {
    auto command = parser_.next();
    if (!command) return refuse(command.error().detail, true);
    if (!*command) return;
    if (!connected_ && !std::holds_alternative<Connect>(**command) &&
        !std::holds_alternative<Ping>(**command))
      return refuse("Authorization Violation", true);
    std::visit([&](auto& what) { on(what); }, **command);
  }
}

void Client::on(const Connect& connect) {
  const auto options = nlohmann::json::parse(connect.json, nullptr, /*allow_exceptions=*/false);
  if (!options.is_object()) return refuse("Invalid Connect", true);
  const auto flag = [&](const char* name) {
    const auto at = options.find(name);
    return at != options.end() && at->is_boolean() && at->get<bool>();
  };
  if (flag("tls_required")) return refuse("Secure Connection - TLS Required", true);
  verbose_ = flag("verbose");
  headers_ = flag("headers");
  connected_ = true;
  fine();
}

void Client::on(Pub& pub) {
  const bool reply_good = pub.reply.empty() || broker::is_topic(pub.reply);
  if (!broker::is_topic(pub.subject) || !reply_good)
    return refuse("Invalid Publish Subject", false);
  if (pub.subject.starts_with(kJetStream)) {
    if (pub.reply.empty()) return refuse("JetStream not enabled", false);
    // As a server without it: nobody responds. To this client alone.
    for (auto& [sid, subscribed] : subscriptions_)
      if (headers_ && broker::matches(subscribed.subject, pub.reply))
        message(sid, {pub.reply, {}, {}, to_bytes(bytes_of(kNoResponders))});
    wrote_();
    return fine();
  }
  if (pub.subject.starts_with(broker::kReserved) || !bus_.may(pub.subject, broker::Right::Publish))
    return refuse("Permissions Violation for Publish to \"" + pub.subject + "\"", false);
  // Who goes on after a refusal would take the next PONG for an acknowledgement of this.
  if (!bus_.publish({std::move(pub.subject), std::move(pub.payload), std::move(pub.reply),
                     std::move(pub.headers)}))
    return refuse("Slow Consumer: too much is published at once", true);
  fine();
}

void Client::on(const Sub& sub) {
  if (!broker::is_pattern(sub.subject)) return refuse("Invalid Subject", false);
  if (subscriptions_.size() >= kMaxSubscriptions && !subscriptions_.contains(sub.sid))
    return refuse("maximum subscriptions exceeded", false);
  if (subscriptions_.contains(sub.sid)) return fine();
  if (!broker::has_wildcard(sub.subject) && !bus_.may(sub.subject, broker::Right::Read))
    return refuse("Permissions Violation for Subscription to \"" + sub.subject + "\"", false);
  broker::Wanted wanted{{sub.subject}, sub.queue, 0, false};
  auto subscribed = bus_.subscribe(wanted, [this] { pump(); });
  if (!subscribed) return refuse("maximum subscriptions exceeded", false);
  Subscribed entry{sub.subject, std::move(*subscribed), 0, 0};
  subscriptions_.emplace(sub.sid, std::move(entry));
  fine();
}

void Client::on(const Unsub& unsub) {
  const auto at = subscriptions_.find(unsub.sid);
  if (at != subscriptions_.end()) {
    at->second.max = unsub.max;
    if (unsub.max <= at->second.given) subscriptions_.erase(at);
  }
  fine();
}

void Client::pump() {
  const auto before = out_.size();
  // By sid, one message each in turn, so that a busy topic does not hold up the others.
  for (bool any = true; any && out_.size() < kAhead;) {
    any = false;
    for (auto at = subscriptions_.begin(); at != subscriptions_.end() && out_.size() < kAhead;) {
      const auto here = at++;
      auto& subscribed = here->second;
      if (subscribed.subscription->gone()) return refuse("Server Shutdown", true);
      const auto next = subscribed.subscription->next();
      if (!next) continue;
      any = true;
      message(here->first, next->placed.message());
      ++subscribed.given;
      if (subscribed.max != 0 && subscribed.given >= subscribed.max) subscriptions_.erase(here);
    }
  }
  if (out_.size() != before) wrote_();
}

void Client::message(const std::string& sid, const broker::Message& what) {
  // Who takes no headers gets the payload alone.
  const bool headers = headers_ && !what.headers.empty();
  out_ += headers ? "HMSG " : "MSG ";
  ((out_ += what.topic) += ' ') += sid;
  if (!what.reply.empty()) (out_ += ' ') += what.reply;
  out_ += ' ';
  if (headers) (out_ += std::to_string(what.headers.size())) += ' ';
  out_ += std::to_string(what.payload.size() + (headers ? what.headers.size() : 0));
  out_ += "\r\n";
  if (headers) out_ += text_of(what.headers);
  ((out_ += text_of(what.payload)) += "\r\n");
}

}  // namespace weft::nats
