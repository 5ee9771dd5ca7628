#include "node/control_terms.hpp"

#include <string>

#include "node/io/clock.hpp"

namespace weft::node {

namespace {

bool refused_terms(const api::Call& call, const Error& error, const char* what) {
  send_error(call.answer, api::Code::Usage, std::string("that is no ") + what, {}, error.detail);
  return true;
}

}  // namespace

std::optional<service::Terms> terms_of(const api::Call& call) {
  service::Terms terms;
  const auto seconds = call.body.value("for_s", std::int64_t{0});
  if (seconds > 0) terms.until = io::unix_time() + seconds;
  if (const auto text = call.text("hours"); !text.empty()) {
    const auto hours = service::Hours::from_text(text);
    if (!hours && refused_terms(call, hours.error(), "time of the day")) return std::nullopt;
    terms.hours = *hours;
  }
  if (const auto text = call.text("from"); !text.empty()) {
    const auto from = service::AddressRange::from_text(text);
    if (!from && refused_terms(call, from.error(), "range of addresses")) return std::nullopt;
    terms.from = *from;
  }
  return terms;
}

std::vector<api::Field> terms_fields() {
  return {{"for_s", api::Type::Number, false, "how long; none: without an end", kMaxShareS},
          {"hours", api::Type::Text, false, "08:00-17:00, by the clock of this node"},
          {"from", api::Type::Text, false, "a CIDR; of direct connections only"}};
}

}  // namespace weft::node
