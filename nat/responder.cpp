#include "nat/responder.hpp"

#include <algorithm>

namespace weft::nat {

namespace {
constexpr std::uint16_t kUnknownAttribute = 420;  // RFC 8489 14.8
}

bool Responder::within_rate(Instant now, const Endpoint& from) {
  auto at = sources_.find(from.address);
  if (at == sources_.end()) {
    if (sources_.size() >= kSources)
      sources_.erase(std::ranges::min_element(sources_, {},
                                              [](const auto& entry) { return entry.second.last; }));
    at = sources_.emplace(from.address, Source{}).first;
  }
  at->second.last = now;
  return at->second.meter.take(now) && all_.take(now);
}

std::optional<Responder::Answer> Responder::answer(Instant now, const Endpoint& from,
                                                   const StunMessage& request, bool allowed) {
  if (request.kind != StunClass::Request || request.method != kBinding) {
    ++counters_.stray;
    return std::nullopt;
  }
  if (!allowed) {
    ++counters_.not_allowed;
    return std::nullopt;
  }
  if (!within_rate(now, from)) {
    ++counters_.limited;
    return std::nullopt;
  }
  ++counters_.answered;
  StunMessage out;
  out.id = request.id;
  out.fingerprint = request.fingerprint;
  if (!request.unknown.empty()) {
    out.kind = StunClass::Error;
    out.error = kUnknownAttribute;
    out.unknown = request.unknown;
    out.unknown.resize(std::min<std::size_t>(out.unknown.size(), 2));  // invariant 1
    return Answer{encode_stun(out), false};
  }
  out.kind = StunClass::Success;
  out.mapped = from;
  return Answer{encode_stun(out), request.change_port};
}

}  // namespace weft::nat
