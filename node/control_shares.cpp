#include "node/control_shares.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/control_terms.hpp"

namespace weft::node {
namespace {

api::Json json_of(const overlay::ShareView& share) {
  const auto& terms = share.terms;
  return {{"id", share.id},
          {"service", share.service},
          {"who", share.who},
          {"state", share.ended   ? "ended"
                    : share.holds ? "in force"
                                  : "outside its hours"},
          {"until", terms.until == 0 ? api::Json() : api::Json(api::rfc3339(terms.until))},
          {"hours", terms.hours ? terms.hours->to_text() : ""},
          {"from", terms.from ? terms.from->to_text() : ""}};
}

}  // namespace

void SharesControl::list(api::Call& call) const {
  auto shares = api::Json::array();
  for (const auto& share : overlay_.shares(io::monotonic_time())) shares.push_back(json_of(share));
  send_data(call.answer, {{"schema", "weft.shares/1"}, {"shares", std::move(shares)}});
}

void SharesControl::share(api::Call& call) {
  const auto service = call.text("service");
  const auto who = call.list("who");
  if (api::bad_service(call, service) || api::any_bad(call, who, api::bad_who)) return;
  if (who.empty())
    return send_error(call.answer, api::Code::Usage, "nobody is named",
                      "who: a node, group:NAME or *");
  const auto terms = terms_of(call);
  if (!terms) return;
  if (*terms == service::Terms{})
    return send_error(call.answer, api::Code::Usage, "a share without terms", "it would never end",
                      "say how long with --for 2h; or weft allow " + service + quoted(who));
  commands_.track(
      overlay_.share(io::monotonic_time(), service, who, *terms),
      [this, answer = call.answer, service, who](const Result<overlay::Outcome>& result) {
        if (!result)
          return send_error(answer, refused(result, "could not share " + service,
                                            "see weft status, weft members and weft group list")
                                        .error());
        const auto& made = std::get<overlay::ShareOutcome>(*result).ids;
        auto shares = api::Json::array();
        for (const auto& share : overlay_.shares(io::monotonic_time()))
          if (std::ranges::find(made, share.id) != made.end()) shares.push_back(json_of(share));
        auto warnings = api::Json::array();
        for (const auto& one : who)
          if (const auto denied = overlay_.denied_by(service, one); !denied.empty())
            warnings.push_back(one + " may not use " + service +
                               " all the same: a deny comes first; lift it with: weft reset " +
                               service + quoted(denied));
        const auto& allow = overlay_.access(service).allow;
        for (const auto& one : who)
          if (std::ranges::find(allow, one) != allow.end())
            warnings.push_back(one + " may use " + service +
                               " without an end already, by a rule: weft reset " + service +
                               quoted({one}) + " takes it back, and this share too");
        send_data(answer, {{"schema", "weft.share/1"},
                           {"service", service},
                           {"shares", std::move(shares)},
                           {"warnings", std::move(warnings)}});
      });
}

void SharesControl::unshare(api::Call& call) {
  std::uint64_t id = 0;
  const auto& text = call.parts[0];
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || stop != text.data() + text.size())
    return send_error(call.answer, api::Code::Usage, "a share is named by its number", "",
                      "see weft shares");
  api::Json gone;
  std::string service;
  for (const auto& share : overlay_.shares(io::monotonic_time()))
    if (share.id == id) gone = json_of(share), service = share.service;
  const auto before = overlay_.connections(service);
  commands_.track(overlay_.unshare(io::monotonic_time(), id),
                  [this, answer = call.answer, gone = std::move(gone), service,
                   before](const Result<overlay::Outcome>& result) {
                    if (!result)
                      return send_error(
                          answer, refused(result, "no such share", "see weft shares").error());
                    const auto after = overlay_.connections(service);
                    send_data(answer, {{"schema", "weft.share/1"},
                                       {"service", service},
                                       {"shares", api::Json::array({gone})},
                                       {"closed", before > after ? before - after : 0}});
                  });
}

}  // namespace weft::node
