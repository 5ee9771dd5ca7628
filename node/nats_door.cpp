#include "node/nats_door.hpp"

#include <sstream>
#include <string_view>
#include <utility>

#include "node/control_answers.hpp"

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

// One listener, and what its clients say in its network.
class NatsDoor::Door final : private nats::Bus {
 public:
  Door(io::EventLoop& loop, BrokerHost& host, Network network, const Endpoint& listen)
      : at(listen), loop_(loop), host_(host), network_(network) {}

  [[nodiscard]] Result<void> open() {
    const overlay::Overlay::Meaning meaning(host_.overlay(), network_);
    auto fresh = std::make_unique<nats::Server>(
        loop_, static_cast<nats::Bus&>(*this),
        nats::ServerName{to_text(host_.overlay().id()), host_.overlay().name(), {}, 0});
    WEFT_CHECK(fresh->listen(at));
    server = std::move(fresh);
    at = server->local();
    return {};
  }

  Endpoint at;
  std::unique_ptr<nats::Server> server;  // none: it could not be opened yet

 private:
  [[nodiscard]] bool may(const std::string& topic, broker::Right right) const override {
    const overlay::Overlay::Meaning meaning(host_.overlay(), network_);
    return host_.may(topic, right).has_value();
  }
  bool publish(broker::Message message) override {
    const overlay::Overlay::Meaning meaning(host_.overlay(), network_);
    return host_.publish({std::move(message)});
  }
  Result<std::unique_ptr<nats::Bus::Subscription>> subscribe(
      const broker::Wanted& wanted, std::function<void()> waiting) override {
    const overlay::Overlay::Meaning meaning(host_.overlay(), network_);
    WEFT_TRY(auto subscription, host_.subscribe(wanted, std::move(waiting)));
    return std::make_unique<Taken>(std::move(subscription));
  }

  io::EventLoop& loop_;
  BrokerHost& host_;
  const Network network_;
};

NatsDoor::Network NatsDoor::meant() const { return other_than_default(host_.overlay()); }

const NatsDoor::Door* NatsDoor::here() const {
  const auto at = doors_.find(meant());
  return at == doors_.end() ? nullptr : at->second.get();
}

// Kept as words: the address of the default network's door, then pairs of a network and an address.
Result<void> NatsDoor::start(const std::string& kept, Keep keep) {
  keep_ = std::move(keep);
  std::istringstream words(kept);
  Result<void> out;
  Network network;
  for (std::string word; words >> word;) {
    if (auto named = network_id_from_text(word)) {
      network = *named;
      continue;
    }
    WEFT_TRY(const auto at, endpoint_from_text(word));
    auto door = std::make_shared<Door>(loop_, host_, network, at);
    if (auto opened = door->open(); !opened) out = std::move(opened);
    doors_[std::exchange(network, std::nullopt)] = std::move(door);
  }
  return out;
}

void NatsDoor::retry() {
  const auto gone = std::erase_if(doors_, [&](const auto& door) {
    return door.first && host_.overlay().find(*door.first) == nullptr;
  });
  if (gone > 0) save();
  for (const auto& [network, door] : doors_)
    if (!door->server) std::ignore = door->open();
}

Result<void> NatsDoor::listen(const Endpoint& at) {
  if (const auto* door = here(); door != nullptr && door->server && door->server->local() == at)
    return {};
  auto fresh = std::make_shared<Door>(loop_, host_, meant(), at);
  WEFT_CHECK(fresh->open());
  doors_[meant()] = std::move(fresh);
  save();
  return {};
}

void NatsDoor::off() {
  doors_.erase(meant());
  save();
}

void NatsDoor::save() {
  if (!keep_) return;
  if (doors_.empty()) return keep_(std::nullopt);
  std::string text;
  for (const auto& [network, door] : doors_)
    text += (text.empty() ? "" : " ") + (network ? to_text(*network) + " " : std::string()) +
            to_text(door->at);
  keep_(to_bytes(bytes_of(text)));
}

std::optional<Endpoint> NatsDoor::local() const {
  const auto* door = here();
  return door != nullptr && door->server ? std::optional(door->server->local()) : std::nullopt;
}

std::size_t NatsDoor::clients() const {
  const auto* door = here();
  return door != nullptr && door->server ? door->server->clients() : 0;
}

}  // namespace weft::node
