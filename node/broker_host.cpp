#include "node/broker_host.hpp"

#include <utility>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

BrokerHost::BrokerHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                       Commands& commands)
    : overlay_(overlay),
      driver_(driver),
      commands_(commands),
      timer_(loop, [this] { look_at_requests(); }) {}

BrokerHost::Subscription::~Subscription() {
  host_.waiting_.erase({network_, id_});
  if (auto* network = host_.overlay_.find(network_)) network->broker().unsubscribe(id_);
  host_.driver_.wake();
}

std::optional<broker::Delivered> BrokerHost::Subscription::next() {
  auto* network = host_.overlay_.find(network_);
  return network == nullptr ? std::nullopt : network->broker().next(id_);
}

bool BrokerHost::handle(const overlay::OverlayEvent& event) {
  const auto* waiting = std::get_if<overlay::MessagesWaiting>(&event);
  if (waiting == nullptr) {
    if (std::holds_alternative<overlay::CommandDone>(event)) tell_gone();
    return false;
  }
  const auto at = waiting_.find({waiting->network, waiting->subscriber});
  if (at == waiting_.end()) return true;
  const auto tell = at->second;  // it may end the subscription
  tell();
  return true;
}

void BrokerHost::tell_gone() {
  std::vector<std::function<void()>> tell;
  for (const auto& [key, waiting] : waiting_)
    if (overlay_.find(key.first) == nullptr) tell.push_back(waiting);
  for (const auto& one : tell) one();
}

Result<std::unique_ptr<BrokerHost::Subscription>> BrokerHost::subscribe(
    const broker::Wanted& wanted, std::function<void()> waiting) {
  auto* network = overlay_.home();
  if (network == nullptr) return fail(Errc::NotFound, "this node is in no network");
  WEFT_TRY(const auto id, network->broker().subscribe(io::monotonic_time(), wanted));
  waiting_.emplace(std::pair{network->id(), id}, std::move(waiting));
  driver_.wake();
  return std::unique_ptr<Subscription>(new Subscription(*this, network->id(), id));
}

void BrokerHost::publish(broker::Publish what, std::function<void(const Result<Receipt>&)> done) {
  auto* network = overlay_.home();
  if (network == nullptr) return done(fail(Errc::NotFound, "this node is in no network"));
  const auto id = overlay_.next_command();
  commands_.track(id, [done = std::move(done)](const Result<overlay::Outcome>& result) {
    if (!result) return done(std::unexpected(result.error()));
    done(std::get<Receipt>(*result));
  });
  network->broker().publish(io::monotonic_time(), id, std::move(what));
}

bool BrokerHost::publish(broker::Publish what) {
  auto* network = overlay_.home();
  if (network == nullptr) return false;
  driver_.wake();
  return network->broker().publish(io::monotonic_time(), 0, std::move(what));
}

// ---- requests -----------------------------------------------------------------------------------

std::string BrokerHost::inbox() {
  return "_INBOX." + short_text(overlay_.id()) + "." +
         std::to_string(io::monotonic_time().time_since_epoch().count()) + "." +
         std::to_string(++last_);
}

void BrokerHost::request(broker::Message message, Duration within,
                         std::function<void(const Result<broker::Delivered>&)> done) {
  if (requests_.size() >= kMaxRequests)
    return done(fail(Errc::Limit, "too many requests wait for a reply"));
  message.reply = inbox();
  const auto id = last_;
  auto subscription = subscribe({{message.reply}, {}, 0, false, 16}, [this, id] { replied(id); });
  if (!subscription) return done(std::unexpected(subscription.error()));
  requests_.emplace(id, Request{std::move(*subscription), std::move(done),
                                io::monotonic_time() + within, overlay_.network()});
  look_at_requests();
  publish({std::move(message)}, [this, id](const Result<Receipt>& sent) {
    if (!sent) finish(id, std::unexpected(sent.error()));
  });
}

void BrokerHost::replied(std::uint64_t id) {
  const auto at = requests_.find(id);
  if (at == requests_.end()) return;
  if (const auto reply = at->second.inbox->next()) finish(id, *reply);
}

void BrokerHost::finish(std::uint64_t id, const Result<broker::Delivered>& result) {
  auto node = requests_.extract(id);
  if (node.empty()) return;
  const overlay::Overlay::Meaning meaning(overlay_, node.mapped().network);
  node.mapped().done(result);
}

void BrokerHost::look_at_requests() {
  const Instant now = io::monotonic_time();
  std::vector<std::uint64_t> over;
  std::optional<Instant> next;
  for (const auto& [id, request] : requests_) {
    if (request.deadline <= now)
      over.push_back(id);
    else if (!next || request.deadline < *next)
      next = request.deadline;
  }
  if (next) timer_.arm(*next);
  for (const auto id : over) finish(id, fail(Errc::Timeout, "nobody replied in time"));
}

// ---- rules --------------------------------------------------------------------------------------

std::vector<roster::TopicBody> BrokerHost::rules() const {
  auto* network = overlay_.home();
  if (network == nullptr) return {};
  return network->roster().state().topics();
}

void BrokerHost::change_rule(const RuleChange& change,
                             std::function<void(const Result<void>&)> done) {
  constexpr std::string_view kGroup = "group:";
  auto* network = overlay_.home();
  if (network == nullptr) return done(fail(Errc::NotFound, "this node is in no network"));
  roster::TopicBody rule{change.topic, {}, {}};
  if (change.who.starts_with(kGroup)) {
    rule.group = change.who.substr(kGroup.size());
    if (!network->roster().state().groups().contains(rule.group))
      return done(fail(Errc::NotFound, "there is no group \"" + rule.group + "\""));
  } else if (change.who != "*") {
    const auto node = network->members().find(change.who);
    if (!node) return done(std::unexpected(node.error()));
    rule.node = *node;
  }
  for (const auto& known : rules())
    if (known.topic == rule.topic && known.node == rule.node && known.group == rule.group)
      rule = known;
  rule.publish = change.publish.value_or(rule.publish);
  rule.read = change.read.value_or(rule.read);
  const auto id = overlay_.next_command();
  commands_.track(id, [done = std::move(done)](const Result<overlay::Outcome>& result) {
    if (!result) return done(std::unexpected(result.error()));
    done({});
  });
  network->broker().change_rule(id, std::move(rule));
  driver_.wake();
}

// ---- views --------------------------------------------------------------------------------------

const broker::Core* BrokerHost::core() const {
  auto* network = overlay_.home();
  return network == nullptr ? nullptr : &network->broker().core();
}

Result<void> BrokerHost::may(const std::string& topic, broker::Right right) const {
  const auto* here = core();
  const auto self = overlay_.id();
  if (here == nullptr || here->rights().may(self, topic, right)) return {};
  return fail(Errc::Denied, here->rights().why_not(self, topic, right));
}

std::string BrokerHost::name_of(const NodeId& node) const { return node_label(overlay_, node); }

}  // namespace weft::node
