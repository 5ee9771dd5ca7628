// The node's port at the router: asked for while this machine has private IPv4 addresses alone,
// told to peers as one more address, taken back at the end. The asking is port_mapper's.
#pragma once

#include <memory>
#include <vector>

#include "node/driver.hpp"
#include "node/events/recorder.hpp"
#include "node/portmap/port_mapper.hpp"

namespace weft::node {

class MappedPort {
 public:
  // All outlive it.
  MappedPort(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
             events::Recorder& recorder);

  // Of this UDP port, on a machine with these addresses; once, and only if it is wished for.
  void begin(std::uint16_t port, const std::vector<Endpoint>& addresses);
  // The machine's addresses may be others: then the router may be another one.
  void look(const std::vector<Endpoint>& addresses);
  void begin_stop();

  // Wished for; then either a mapping, or why there is none ("" while it is asked for).
  [[nodiscard]] bool wished() const { return port_ != 0; }
  [[nodiscard]] const std::optional<PortMapping>& current() const { return mapper_.current(); }
  [[nodiscard]] std::string trouble() const;
  // A router stands between this machine and the internet, as far as addresses tell.
  [[nodiscard]] bool needed() const { return mapper_.running() || !no_thread_.empty(); }

 private:
  void changed();

  overlay::Overlay& overlay_;
  Driver& driver_;
  events::Recorder& recorder_;
  PortMapper mapper_;
  std::uint16_t port_ = 0;
  std::string no_thread_;
  std::vector<Endpoint> addresses_;
};

}  // namespace weft::node
