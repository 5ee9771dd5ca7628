// Where this node listens: what --listen, the configuration or an earlier --listen says, its
// sockets opened and kept for the next start, and the addresses that others are told.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/persist.hpp"
#include "node/config.hpp"
#include "node/driver.hpp"
#include "node/events/recorder.hpp"
#include "node/listen_addresses.hpp"

namespace weft::node {

class Listening {
 public:
  // Has a setting stored; without a value: forgotten.
  using Keep = std::function<Result<void>(std::string_view key, std::optional<Bytes> value)>;

  void load(const Row& row);  // any row; those of others are passed over
  // `flags`: --listen of this start.
  [[nodiscard]] Result<void> open(const std::vector<std::string>& flags, const Config& config,
                                  Driver& driver, const Keep& keep, events::Recorder& recorder);
  // Tells the overlay, and through it others, where this node is now.
  static void tell(Instant now, const Driver& driver, overlay::Overlay& overlay);

 private:
  Result<ListenPlaces> wanted(const std::vector<std::string>& flags,
                              const std::vector<std::string>& configured, const Keep& keep);

  std::uint16_t port_ = 0;         // of UDP, when nobody said where
  std::vector<std::string> kept_;  // of the last --listen
};

// As status and weft.ready/1 name them: "IP:PORT" for UDP, "tcp:IP:PORT", "wss:IP:PORT". `told`: the machine's
// addresses in place of "all of them".
[[nodiscard]] std::vector<std::string> listen_texts(const Driver& driver, bool told);

}  // namespace weft::node
