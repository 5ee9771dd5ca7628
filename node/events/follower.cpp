#include "node/events/follower.hpp"

#include <utility>

namespace weft::events {

namespace {

std::string piece(std::string_view id, std::string_view kind, const Json& data) {
  std::string out;
  if (!id.empty()) ((out += "id: ") += id) += '\n';
  ((out += "event: ") += kind) += "\ndata: ";
  // A name may hold what is no UTF-8.
  return (out += data.dump(-1, ' ', false, Json::error_handler_t::replace)) += "\n\n";
}

}  // namespace

Follower::Follower(Recorder& recorder, std::shared_ptr<Sink> sink, Wanted wanted)
    : recorder_(recorder), sink_(std::move(sink)), wanted_(std::move(wanted)) {}

std::string Follower::farewell() {
  return piece({}, "dropped",
               {{"schema", "weft.dropped/1"},
                {"reason", "the events were not taken in time: come again with the last id"}});
}

void Follower::start() {
  const auto self = shared_from_this();
  // So that a reader knows at once that it is heard.
  if (!sink_->write(": events\n\n")) return;
  if (!wanted_.since) {
    seen_ = wanted_.follow ? recorder_.newest() : recorder_.oldest() - 1;
  } else {
    const bool other_run = wanted_.since->run && wanted_.since->run != recorder_.run();
    seen_ = wanted_.since->seq;
    if (other_run || seen_ > recorder_.newest()) {
      seen_ = recorder_.oldest() - 1;
      if (!say_gap(1, seen_, "restarted")) return;
    }
  }
  if (wanted_.follow)
    subscription_ = recorder_.subscribe([weak = weak_from_this()](const NodeEvent&) {
      if (const auto follower = weak.lock()) follower->pump();
    });
  pump();
}

void Follower::on_room() { pump(); }

void Follower::pump() {
  const auto self = shared_from_this();
  while (!ended_) {
    const NodeEvent* next = recorder_.after(seen_);
    if (next == nullptr) {
      in_past_ = false;
      if (wanted_.follow) return;
      ended_ = true;
      return sink_->end();
    }
    if (in_past_ && !sink_->has_room()) return;
    if (next->seq != seen_ + 1 && !say_gap(seen_ + 1, next->seq - 1, "overwritten")) return;
    if (!say(*next)) return;
  }
}

bool Follower::say(const NodeEvent& event) {
  seen_ = event.seq;
  if (!picks(wanted_.kinds, event.body)) return true;
  if (!wanted_.network.empty() && event.network != wanted_.network) return true;
  ended_ = !sink_->write(piece(id_of(event), kind_of(event.body).name, to_json(event)));
  return !ended_;
}

bool Follower::say_gap(std::uint64_t from, std::uint64_t to, std::string_view reason) {
  ended_ = !sink_->write(piece({}, "gap",
                               {{"schema", "weft.gap/1"},
                                {"run", recorder_.run()},
                                {"from", from},
                                {"to", to},
                                {"reason", reason}}));
  return !ended_;
}

}  // namespace weft::events
