// Where the rooms of a part put what they ask for: the part's own outputs, in the order they came.
// `after` is what the part does once a continuation of such a room has run.
#pragma once

#include <deque>

#include "overlay/part.hpp"

namespace weft::overlay {

class Outlet {
 public:
  using After = std::function<void(Instant)>;
  explicit Outlet(std::deque<Output>& outputs, After after = {})
      : outputs_(outputs), after_(std::move(after)) {}

  void put(Output output) { outputs_.push_back(std::move(output)); }
  void event(OverlayEvent event) { put(std::move(event)); }
  void done(CommandId id, Result<Outcome> result) { event(CommandDone{id, std::move(result)}); }
  void warn(std::string text) { event(Notice{Notice::Level::Warning, std::move(text)}); }
  void store(std::vector<Row> rows, Then then = {}, Again again = Again::UntilStored) {
    if (rows.empty()) return;
    put(Store{std::move(rows),
              [this, then = std::move(then)](Instant now, const Result<void>& stored) {
                if (then) then(now, stored);
                if (after_) after_(now);
              },
              again});
  }
  // The usual end of a command: stored, or in force and stored later, with a warning.
  [[nodiscard]] Then done_when_stored(CommandId id, Outcome outcome) {
    return [this, id, outcome = std::move(outcome)](Instant, const Result<void>& stored) {
      if (stored) return done(id, outcome);
      done(id, fail(Errc::Storage, "it works now but is not saved, so a restart would lose it: " +
                                       stored.error().detail));
    };
  }

 private:
  std::deque<Output>& outputs_;
  After after_;
};

}  // namespace weft::overlay
