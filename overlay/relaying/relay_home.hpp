// What the relaying of all networks of a node shares: the frames of its socket, its labels, its
// rate, and how much it may give in a month.
//
// A node relays for the members of its networks once others reached it directly (decision 35): it
// need not be told to. `weft relay` or [relay] of weft.toml say otherwise; a command is kept.
//
// Invariant: what was forwarded in a month counts over restarts, but for what a crash loses of it:
// kKeepBytes at most.
#pragma once

#include <optional>
#include <string>

#include "base/persist.hpp"
#include "overlay/relay/circuits.hpp"
#include "overlay/relay/server.hpp"
#include "overlay/relaying/relay_settings.hpp"

namespace weft::overlay {

// What people see of it.
struct RelayView {
  RelaySettings settings;
  bool on = false;
  bool reached = false;    // others reached this node directly
  std::uint64_t used = 0;  // bytes of this month
  std::size_t reservations = 0;
  std::size_t circuits = 0;
  std::uint32_t load_permille = 0;
  relay::ServerCounters server;
  relay::ForwardCounters frames;
  relay::CircuitCounters through;  // of this node, through others
  std::size_t own_circuits = 0;    // of this node, through others
};

class RelayHome {
 public:
  static constexpr std::uint64_t kKeepBytes = 64u << 20;
  static constexpr Duration kKeepTime = 10min;

  RelayHome(Rng& rng, path::PathTable& paths)
      : server(rng, paths, RelaySettings{}.rate), circuits(paths) {}

  // The row of before, if it is one of ours.
  void load(const Row& row);
  void begin(Instant now, UnixTime wall);  // behind the rows
  void set(Instant now, UnixTime wall, const RelaySettings& settings);
  // Somebody came in on a direct path: so others may.
  void note_reached(Instant now);
  // The month may have changed; what was used is counted. Then the row to be kept, if it is time.
  [[nodiscard]] std::optional<Row> poll_row(Instant now, UnixTime wall);
  [[nodiscard]] RelayView view(Instant now) const;
  [[nodiscard]] bool wanted() const {
    return settings_.mode == RelaySettings::Mode::On ||
           (settings_.mode == RelaySettings::Mode::Auto && reached_);
  }
  [[nodiscard]] const RelaySettings& settings() const { return settings_; }

  relay::Server server;
  relay::Circuits circuits;

 private:
  void count(UnixTime wall);
  void apply(Instant now) { server.set_on(now, wanted()); }
  [[nodiscard]] Row row() const;

  RelaySettings settings_;
  bool reached_ = false;
  std::int64_t month_ = 0;     // since 1970
  std::uint64_t used_ = 0;     // in it
  std::uint64_t counted_ = 0;  // of the forwarder's bytes
  std::uint64_t kept_ = 0;     // of used_
  std::optional<Instant> kept_at_;
  bool keep_now_ = false;
};

}  // namespace weft::overlay
