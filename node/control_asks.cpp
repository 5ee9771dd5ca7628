#include "node/control_asks.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/control_terms.hpp"

namespace weft::node {
namespace {

using overlay::AskStatus;

const char* word_of(AskStatus status) {
  switch (status) {
    case AskStatus::Noted:
      return "asked";
    case AskStatus::MayUse:
      return "allowed";
    case AskStatus::NoSuchService:
      return "no such service";
    case AskStatus::Full:
      return "full";
    case AskStatus::Refused:
      return "refused";
  }
  return "full";
}

api::Json json_of(const overlay::AskView& ask) {
  return {{"id", ask.id},         {"service", ask.service},
          {"node", ask.who_name}, {"node_id", to_text(ask.who)},
          {"note", ask.note},     {"at", api::rfc3339(ask.at)}};
}

// Answers the call when it is no number.
std::optional<std::uint64_t> number_of(const api::Call& call) {
  std::uint64_t id = 0;
  const auto& text = call.parts[0];
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc{} && stop == text.data() + text.size()) return id;
  send_error(call.answer, api::Code::Usage, "who asks is named by a number", "", "see weft asks");
  return std::nullopt;
}

std::optional<overlay::AskView> ask_of(const overlay::Overlay& overlay, std::uint64_t id) {
  for (auto& ask : overlay.asks())
    if (ask.id == id) return ask;
  return std::nullopt;
}

}  // namespace

void AsksControl::ask(api::Call& call) {
  const auto ref = api::service_ref(call, call.text("service"));
  if (!ref) return;
  const auto provider = overlay_.provider(ref->service, ref->node);
  if (!provider)
    return send_error(call.answer,
                      refused(provider, "which node is asked?",
                              "name it: weft ask " + ref->service + "@NODE; see weft members")
                          .error());
  if (*provider == overlay_.id())
    return send_error(call.answer, api::Code::Usage, "that is a service of this very node", "",
                      "weft allow " + ref->service + " WHO lets others use it");
  auto note = call.text("note");
  // Until a session is there: a ping has one dialled.
  commands_.track(overlay_.ping(io::monotonic_time(), to_text(*provider)),
                  [this, node = *provider, service = ref->service, note = std::move(note),
                   answer = call.answer](const Result<overlay::Outcome>& result) {
                    if (!result)
                      return send_error(
                          answer, refused(result, "no answer from " + node_label(overlay_, node),
                                          "ask again when it is there: see weft status")
                                      .error());
                    ask_there(node, service, note, answer);
                  });
}

void AsksControl::ask_there(const NodeId& node, const std::string& service, const std::string& note,
                            const api::Answer& answer) {
  commands_.track(
      overlay_.ask_access(io::monotonic_time(), node, service, note),
      [this, node, service, answer](const Result<overlay::Outcome>& result) {
        const auto there = node_label(overlay_, node);
        if (!result) return send_error(answer, refused(result, "could not ask " + there).error());
        const auto status = std::get<overlay::AskOutcome>(*result).status;
        if (status == AskStatus::NoSuchService)
          return send_error(answer, api::Code::NotFound,
                            there + " exposes no service \"" + service + "\"", "",
                            "ask its owner for the name");
        if (status == AskStatus::Full)
          return send_error(answer, api::Code::Failed, there + " holds too many questions", "",
                            "its owner decides about them with weft asks; ask again later");
        if (status == AskStatus::Refused)
          return send_error(answer, api::Code::Denied, "the owner of " + there + " refused it", "",
                            "ask the owner in person; weft can be asked again after a day");
        send_data(answer, {{"schema", "weft.ask/1"},
                           {"service", service},
                           {"node", there},
                           {"status", word_of(status)}});
      });
}

void AsksControl::list(api::Call& call) const {
  auto asks = api::Json::array();
  for (const auto& ask : overlay_.asks()) asks.push_back(json_of(ask));
  send_data(call.answer, {{"schema", "weft.asks/1"}, {"asks", std::move(asks)}});
}

void AsksControl::approve(api::Call& call) {
  const auto id = number_of(call);
  if (!id) return;
  const auto terms = terms_of(call);
  if (!terms) return;
  const auto ask = ask_of(overlay_, *id);
  const auto given = *terms == service::Terms{} ? std::nullopt : terms;
  commands_.track(
      overlay_.approve(io::monotonic_time(), *id, given),
      [this, ask, given, answer = call.answer](const Result<overlay::Outcome>& result) {
        if (!result || !ask)
          return send_error(answer, refused(result, "could not approve", "see weft asks").error());
        auto warnings = api::Json::array();
        if (const auto denied = overlay_.denied_by(ask->service, ask->who_name); !denied.empty())
          warnings.push_back(ask->who_name + " still may not use " + ask->service +
                             ": a deny comes first; lift it with: weft reset " + ask->service +
                             quoted(denied));
        auto data = json_of(*ask);
        data["schema"] = "weft.ask/1";
        data["status"] = "allowed";
        const bool ends = given && given->until != 0;
        data["until"] = ends ? api::Json(api::rfc3339(given->until)) : api::Json();
        data["warnings"] = std::move(warnings);
        send_data(answer, std::move(data));
      });
}

void AsksControl::refuse(api::Call& call) {
  const auto id = number_of(call);
  if (!id) return;
  const auto ask = ask_of(overlay_, *id);
  commands_.track(overlay_.refuse_ask(io::monotonic_time(), *id),
                  [ask, answer = call.answer](const Result<overlay::Outcome>& result) {
                    if (!result || !ask)
                      return send_error(
                          answer, refused(result, "could not refuse", "see weft asks").error());
                    auto data = json_of(*ask);
                    data["schema"] = "weft.ask/1";
                    data["status"] = "refused";
                    send_data(answer, std::move(data));
                  });
}

void asks_attention(const overlay::Overlay& overlay, std::vector<std::string>& out) {
  for (const auto& ask : overlay.asks()) {
    const auto id = std::to_string(ask.id);
    out.push_back(ask.who_name + " asks to use " + ask.service +
                  (ask.note.empty() ? "" : " (\"" + ask.note + "\")") + ": weft approve " + id +
                  " --for 8h, or weft refuse " + id);
  }
}

}  // namespace weft::node
