// What the operator must know of the roster.
#include <algorithm>

#include "overlay/sync/describe.hpp"
#include "overlay/sync/sync.hpp"

namespace weft::overlay {

namespace {

constexpr std::size_t kMaxAlarms = 16;
constexpr Duration kAlarmLife = 24h;
constexpr std::size_t kMaxTold = 5;  // lost entries named in one alarm
constexpr std::uint64_t kNearlyFull = roster::kMaxChain / 10 * 8;

}  // namespace

void Sync::alarm(Instant now, std::string text) {
  notice(Notice::Level::Warning, text);
  std::erase_if(alarms_, [&](const Alarm& old) { return old.text == text; });
  if (alarms_.size() >= kMaxAlarms) alarms_.pop_front();
  alarms_.push_back({now, std::move(text)});
}

// What lost is no longer so; its authors sign it again unless they were removed, and then the
// admins that are left must know what went with them.
void Sync::tell_lost(Instant now, const std::vector<roster::Entry>& lost) {
  std::string text =
      "entries of the roster no longer count, because a removal or a senior admin's "
      "entry came in before them; who signed them signs them again, unless removed: ";
  std::size_t told = 0;
  for (const auto& entry : lost) {
    const auto body = entry.parse_body();
    if (!body) continue;
    if (told++ == kMaxTold) {
      text += "; and " + std::to_string(lost.size() - kMaxTold) + " more, see weft members";
      break;
    }
    text += (told > 1 ? "; " : "") + signer_name(roster_.state(), entry.signer) + ": " +
            describe(roster_.state(), *body);
  }
  alarm(now, text);
}

std::string Sync::stop_text() const {
  const auto stop = roster_.stop();
  if (!stop) return {};
  const auto& config = beside_.config;
  const bool ours = (config.person && roster_.may_lift(config.person->public_key)) ||
                    roster_.may_lift(config.identity.public_key());
  const std::string who = signer_name(roster_.state(), stop->signer);
  return "the roster is stopped: " + who + " signed an entry of kind " +
         std::to_string(stop->kind) +
         ", which this version does not know, so nobody joins and "
         "nothing changes. If a newer weft is out, install it; if not, " +
         (ours ? "end it with weft remove " + label(node_id_of(stop->signer))
               : "an admin senior to " + who + " ends it with weft remove");
}

std::vector<std::string> Sync::attention(Instant now) const {
  std::vector<std::string> out;
  const auto& state = roster_.state();
  if (state.member(beside_.self()) == nullptr) {
    if (!state.is_removed(beside_.self()))
      out.push_back(
          "who let this node in did so while another admin changed the network, and that "
          "came first: it is let in again when its inviter meets the others");
    return out;
  }
  if (roster_.stopped()) out.push_back(stop_text());
  const auto& config = beside_.config;
  const bool admin = roster_.may_sign(config.identity.public_key()) ||
                     (config.person && roster_.may_sign(config.person->public_key));
  if (!admin) return out;
  if (const auto seq = roster_.head().seq; seq >= kNearlyFull)
    out.push_back("the roster has " + std::to_string(seq) + " of " +
                  std::to_string(roster::kMaxChain) +
                  " entries, and ends there, but for removals: found a new network in time");
  for (const auto& alarm : alarms_)
    if (now - alarm.at < kAlarmLife) out.push_back(alarm.text);
  return out;
}

}  // namespace weft::overlay
