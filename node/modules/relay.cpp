// Whether this node relays for the other members, how much, and what it did of it: weft.relay/1.
#include <string>
#include <utility>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "node/relay_amounts.hpp"
#include "overlay/relaying/relay_home.hpp"

namespace weft::node {
namespace {

using Mode = overlay::RelaySettings::Mode;
using Source = overlay::RelaySettings::Source;

const char* word_of(Mode mode) {
  switch (mode) {
    case Mode::Auto:
      return "auto";
    case Mode::On:
      return "on";
    case Mode::Off:
      return "off";
  }
  return "auto";
}

const char* word_of(Source source) {
  switch (source) {
    case Source::Default:
      return "default";
    case Source::Command:
      return "command";
    case Source::Config:
      return "config";
  }
  return "default";
}

api::Json json_of(const overlay::RelayView& view) {
  const auto& settings = view.settings;
  std::string why;
  if (!view.on)
    why = settings.mode == Mode::Off ? "switched off" : "nobody has reached this node directly yet";
  return {{"schema", "weft.relay/1"},
          {"enabled", view.on},
          {"mode", word_of(settings.mode)},
          {"source", word_of(settings.source)},
          {"for", "network"},
          {"why_not", why},
          {"rate", relay_rate_text(settings.rate)},
          {"rate_bytes", settings.rate},
          {"cap", relay_cap_text(settings.cap)},
          {"cap_bytes", settings.cap},
          {"used_bytes", view.used},
          {"load_permille", view.load_permille},
          {"reservations", view.reservations},
          {"circuits", view.circuits},
          {"own_circuits", view.own_circuits},
          {"forwarded", view.frames.forwarded},
          {"refused",
           {{"off", view.server.refused_off},
            {"unknown_node", view.server.refused_unknown},
            {"full", view.server.refused_full},
            {"spent", view.server.refused_spent},
            {"far_end", view.server.refused_far}}},
          {"dropped",
           {{"unknown_label", view.frames.unknown_label},
            {"wrong_way", view.frames.wrong_way},
            {"not_open", view.frames.not_open},
            {"over_rate", view.frames.over_rate},
            {"over_volume", view.frames.over_volume},
            {"no_room", view.frames.no_room}}}};
}

void run_show(overlay::Overlay& overlay, api::Call& call) {
  send_data(call.answer, json_of(overlay.relay(io::monotonic_time())));
}

bool bad_amount(const api::Call& call, const Result<std::uint64_t>& amount, const char* what) {
  if (amount) return false;
  send_error(call.answer, api::Code::Usage, std::string("that is no ") + what, {},
             amount.error().detail);
  return true;
}

void run_set(overlay::Overlay& overlay, api::Call& call) {
  const Instant now = io::monotonic_time();
  auto settings = overlay.relay(now).settings;
  settings.source = Source::Command;
  const auto mode = call.text("mode");
  if (mode == "on")
    settings.mode = Mode::On;
  else if (mode == "off")
    settings.mode = Mode::Off;
  else if (mode == "auto")
    settings.mode = Mode::Auto;
  else if (!mode.empty())
    return send_error(call.answer, api::Code::Usage, "mode is on, off or auto");
  const auto whom = call.text("for");
  if (!whom.empty() && whom != "network")
    return send_error(call.answer, api::Code::Usage,
                      "this version relays for the members of its networks only", {},
                      "leave --for out, or write --for network");
  if (const auto rate = call.text("rate"); !rate.empty()) {
    const auto bytes = relay_rate_from_text(rate);
    if (bad_amount(call, bytes, "rate")) return;
    settings.rate = *bytes;
  }
  if (const auto cap = call.text("cap"); !cap.empty()) {
    const auto bytes = relay_cap_from_text(cap);
    if (bad_amount(call, bytes, "volume")) return;
    settings.cap = *bytes;
  }
  overlay.set_relay(now, settings);
  send_data(call.answer, json_of(overlay.relay(now)));
}

}  // namespace

std::vector<api::Route> relay_routes() {
  return {{"GET",
           "/api/v1/relay",
           "Whether and how much this node relays for others",
           "weft.relay/1",
           {},
           run_show},
          {"PUT",
           "/api/v1/relay",
           "Relay for others or do not, and how much",
           "weft.relay/1",
           {{"mode", api::Type::Text, false, "on, off, or auto: once others reach this node"},
            {"rate", api::Type::Text, false, "20Mbit/s, or unlimited"},
            {"cap", api::Type::Text, false, "50GB/month, or unlimited"},
            {"for", api::Type::Text, false, "network"}},
           run_set,
           "relay"}};
}

}  // namespace weft::node
