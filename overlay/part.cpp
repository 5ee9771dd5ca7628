#include "overlay/part.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "overlay/control_message.hpp"

namespace weft::overlay {

std::vector<Endpoint> Beside::own_places() const {
  auto out = config.listen_endpoints;
  auto outside = config.mapped_endpoints;
  std::ranges::copy(seen_at, std::back_inserter(outside));
  const std::size_t own = kMaxEndpointsPerNode - std::min(kMaxEndpointsPerNode, outside.size());
  if (out.size() > own) out.resize(own);
  for (const auto& endpoint : outside)
    if (out.size() < kMaxEndpointsPerNode && std::ranges::find(out, endpoint) == out.end())
      out.push_back(endpoint);
  return out;
}

std::vector<Address> Beside::own_others() const {
  auto out = config.carriers;
  const std::size_t relays = std::min(through.size(), kMostOthersTold);
  if (out.size() > kMostOthersTold - relays) out.resize(kMostOthersTold - relays);
  std::copy_n(through.begin(), relays, std::back_inserter(out));
  return out;
}

Result<void> Part::load(const Row&) { return {}; }
void Part::handle_session(Instant, const SessionNews&) {}
Result<void> Part::handle_control(Instant, const ControlIn&) { return {}; }
bool Part::handle_stream(Instant, const StreamNews&) { return false; }
void Part::handle_sealed(Instant, const SealedIn&) {}
void Part::handle_roster(Instant, const RosterNews&) {}
void Part::handle_timeout(Instant) {}
std::optional<Instant> Part::poll_timeout() const { return std::nullopt; }

std::optional<Output> Part::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<Output> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

Then Part::done_when_stored(CommandId id, Outcome outcome) {
  return [this, id, outcome = std::move(outcome)](Instant, const Result<void>& stored) {
    if (stored) return done(id, outcome);
    done(id, fail(Errc::Storage, "it works now but is not saved, so a restart would lose it: " +
                                     stored.error().detail));
  };
}

std::string Part::label(const NodeId& node) const {
  if (auto name = beside_.roster.name_of(beside_.network(), node)) return *name;
  return short_text(node);
}

}  // namespace weft::overlay
