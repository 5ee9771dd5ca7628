// One reader of the events: says what the ring holds after its position as server-sent events, and
// then, if it follows, what comes. docs/events.md has the pieces.
//
// The past is said as fast as the reader takes it; while it is said the ring may move on, and what
// has gone is told as a gap. What comes is said at once: a reader that does not take it is cut off
// by the stream (answer_stream.hpp), with farewell() as the last piece.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/events/recorder.hpp"

namespace weft::events {

// Where the pieces go.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual bool write(std::string_view piece) = 0;   // false: nobody takes it any more
  [[nodiscard]] virtual bool has_room() const = 0;  // for what is not urgent
  virtual void end() = 0;
};

struct Wanted {
  std::vector<std::string> kinds;  // names of kinds and groups; none: all
  std::optional<Position> since;   // none: with what comes next, or, if it does not follow, all
  bool follow = true;
  std::string network = {};  // by name; empty: of all, and of the node itself
};

class Follower : public std::enable_shared_from_this<Follower> {
 public:
  // Made by make_shared: it may be let go of while it writes. The recorder outlives it.
  Follower(Recorder& recorder, std::shared_ptr<Sink> sink, Wanted wanted);
  void start();
  void on_room();  // the sink has room again
  [[nodiscard]] static std::string farewell();

 private:
  void pump();
  bool say(const NodeEvent& event);
  bool say_gap(std::uint64_t from, std::uint64_t to, std::string_view reason);

  Recorder& recorder_;
  const std::shared_ptr<Sink> sink_;
  const Wanted wanted_;
  std::uint64_t seen_ = 0;  // the newest that was said, or passed over
  bool in_past_ = true;
  bool ended_ = false;
  std::unique_ptr<Recorder::Subscription> subscription_;
};

}  // namespace weft::events
