// The static key that this node shows in one network, with its certificate, and its rotation.
//
// Invariants
//  1. A new key is used once the disk has answered for it, even if it refused: the old one runs
//     out, and who starts again from that makes another at once, of a later epoch.
//  2. The key before it stays valid until its not_after: peers still hold its certificate.
//  3. Epochs of one network go up.
#pragma once

#include "overlay/part.hpp"

namespace weft::overlay {

inline constexpr Duration kCredentialLook = 60s;  // between two looks at its age

class Credential final : public Part {
 public:
  explicit Credential(const Beside& beside) : Part(beside) {}

  [[nodiscard]] static StaticCredential issue(const Identity& identity, const NetworkId& network,
                                              Rng& rng, UnixTime now, std::uint64_t last_epoch);
  // Before anything else: the first of a new network, or what was loaded, or else a fresh one.
  void begin(Instant now, std::optional<StaticCredential> first = std::nullopt);

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override { return next_look_; }
  void clock_set() { next_look_ = Instant{}; }  // looks again at once

  // By the wall clock of now; also when that clock was set.
  void rotate_if_due(Instant now);

  [[nodiscard]] const StaticCredential& current() const { return current_; }
  [[nodiscard]] const std::optional<StaticCredential>& previous() const { return previous_; }
  [[nodiscard]] std::vector<Row> rows() const {
    return rows_of(beside_.network(), current_, previous_);
  }
  [[nodiscard]] static std::vector<Row> rows_of(const NetworkId& network,
                                                const StaticCredential& current,
                                                const std::optional<StaticCredential>& previous);

 private:
  StaticCredential current_;
  std::optional<StaticCredential> previous_;
  std::optional<StaticCredential> next_;  // on its way to the disk
  std::optional<Instant> next_look_;
};

}  // namespace weft::overlay
