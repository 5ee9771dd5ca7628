// GET /api/v1/events: what happens at the node, as server-sent events (docs/events.md). The part
// that is asked is the recorder itself.
#include <utility>

#include "node/api/route.hpp"
#include "node/events/follower.hpp"
#include "node/events/recorder.hpp"

namespace weft::api {

namespace {

// Written ahead for a reader of the past; what comes then waits until it has taken this.
constexpr std::size_t kAhead = 64 * 1024;

class StreamSink final : public events::Sink {
 public:
  explicit StreamSink(std::shared_ptr<AnswerStream> stream) : stream_(std::move(stream)) {}
  bool write(std::string_view piece) override { return stream_->write(piece); }
  [[nodiscard]] bool has_room() const override { return stream_->backlog() < kAhead; }
  void end() override { stream_->end(); }

 private:
  std::shared_ptr<AnswerStream> stream_;
};

// The stream keeps the reader, by what it calls, until it is closed.
void begin(events::Recorder& recorder, events::Wanted wanted,
           const std::shared_ptr<AnswerStream>& stream) {
  auto reader = std::make_shared<events::Follower>(recorder, std::make_shared<StreamSink>(stream),
                                                   std::move(wanted));
  stream->when_drained([reader] { reader->on_room(); });
  reader->start();
}

std::optional<events::Wanted> wanted_by(const Call& call) {
  events::Wanted out;
  out.kinds = call.list("kind");
  for (const auto& kind : out.kinds)
    if (!events::is_kind_or_group(kind)) {
      send_error(call.answer, Code::Usage, "\"" + kind.substr(0, 80) + "\" is no kind of event", "",
                 "docs/events.md lists kinds and groups, and so does weft help --events");
      return std::nullopt;
    }
  out.follow = call.body.value("follow", true);
  out.network = call.network;
  // Who comes back says where it was; a browser cannot change its query then.
  const auto since = call.last_event_id.empty() ? call.text("since") : call.last_event_id;
  if (since.empty()) return out;
  out.since = events::position_from_text(since);
  if (out.since) return out;
  send_error(call.answer, Code::Usage, "\"" + since.substr(0, 80) + "\" is not the id of an event",
             "", "an id is RUN-SEQ as weft events --jsonl shows it, or a bare SEQ");
  return std::nullopt;
}

void run_events(events::Recorder& recorder, Call& call) {
  auto wanted = wanted_by(call);
  if (!wanted) return;
  StreamAnswer stream;
  stream.farewell = events::Follower::farewell();
  stream.begin = [&recorder,
                  wanted = std::move(*wanted)](const std::shared_ptr<AnswerStream>& opened) {
    begin(recorder, wanted, opened);
  };
  call.answer({200, {}, {}, {}, std::move(stream)});
}

}  // namespace

std::vector<Route> events_routes() {
  return {{"GET",
           "/api/v1/events",
           "What happens, as server-sent events",
           "weft.event/1",
           {{"since", Type::Text, false, "the id after which to begin; 0: all that is kept"},
            {"kind", Type::List, false, "kinds and groups; none: all"},
            {"follow", Type::Flag, false, "false: ends with the newest; true if absent"}},
           run_events,
           {},
           Takes::Stream}};
}

}  // namespace weft::api
