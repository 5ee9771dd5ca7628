#include "node/nats_door.hpp"

#include <string_view>
#include <utility>

namespace weft::node {

namespace {

class Taken final : public nats::Bus::Subscription {
 public:
  explicit Taken(std::unique_ptr<BrokerHost::Subscription> from) : from_(std::move(from)) {}
  [[nodiscard]] std::optional<broker::Delivered> next() override { return from_->next(); }
  [[nodiscard]] bool gone() const override { return from_->gone(); }

 private:
  std::unique_ptr<BrokerHost::Subscription> from_;
};

}  // namespace

Result<Endpoint> nats_address(const std::string& text) {
  constexpr std::string_view kScheme = "nats://";
  std::string rest = text;
  if (rest.starts_with(kScheme)) rest.erase(0, kScheme.size());
  if (rest.starts_with("localhost:")) rest.replace(0, 9, "127.0.0.1");
  if (rest.find(':') == std::string::npos) rest.insert(0, "127.0.0.1:");
  auto at = endpoint_from_text(rest);
  if (!at) return fail(Errc::Usage, "\"" + text + "\" is no address");
  return *at;
}

Result<void> NatsDoor::start(const std::string& kept, Keep keep) {
  keep_ = std::move(keep);
  if (kept.empty()) return {};
  WEFT_TRY(wanted_, endpoint_from_text(kept));
  return open(*wanted_);
}

void NatsDoor::retry() {
  if (wanted_ && !server_) std::ignore = open(*wanted_);
}

Result<void> NatsDoor::open(const Endpoint& at) {
  auto fresh = std::make_unique<nats::Server>(
      loop_, static_cast<nats::Bus&>(*this),
      nats::ServerName{to_text(host_.overlay().id()), host_.overlay().name(), {}, 0});
  WEFT_CHECK(fresh->listen(at));
  server_ = std::move(fresh);
  return {};
}

Result<void> NatsDoor::listen(const Endpoint& at) {
  if (server_ && server_->local() == at) return {};
  WEFT_CHECK(open(at));
  wanted_ = server_->local();
  if (keep_) keep_(to_bytes(bytes_of(to_text(*wanted_))));
  return {};
}

void NatsDoor::off() {
  server_.reset();
  wanted_.reset();
  if (keep_) keep_(std::nullopt);
}

std::optional<Endpoint> NatsDoor::local() const {
  return server_ ? std::optional(server_->local()) : std::nullopt;
}

bool NatsDoor::publish(broker::Message message) { return host_.publish({std::move(message)}); }

Result<std::unique_ptr<nats::Bus::Subscription>> NatsDoor::subscribe(
    const broker::Wanted& wanted, std::function<void()> waiting) {
  WEFT_TRY(auto subscription, host_.subscribe(wanted, std::move(waiting)));
  return std::make_unique<Taken>(std::move(subscription));
}

}  // namespace weft::node
