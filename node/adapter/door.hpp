// A place on this machine where local programs come in, whatever they speak: it hands every client
// to its owner. A protocol makes its own (tcp_door.hpp).
#pragma once

#include <functional>
#include <memory>
#include <tuple>

#include "base/endpoint.hpp"
#include "base/fields.hpp"
#include "node/adapter/flow.hpp"

namespace weft::adapter {

enum class IfTaken : std::uint8_t {
  Fail,      // Errc::Busy
  NextFree,  // another one near: see port_candidates()
};

struct DoorCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t errors = 0;
  std::uint64_t dropped = 0;

  static constexpr auto fields() {
    using C = DoorCounters;
    return std::tuple{
        field("accepted", "connections", "accepted", &C::accepted),
        field("refused", "connections", "refused because no descriptor or place was left",
              &C::refused),
        field("errors", "errors", "of accepting", &C::errors),
        field("dropped", "datagrams", "that came too early for their flow", &C::dropped)};
  }
};
static_assert(lists_all_fields<DoorCounters>());

// The local end of a flow that has not begun: a client that came to a door, or a target that was
// reached. Destroyed before begin(), it is refused as its protocol refuses.
class LocalEnd {
 public:
  LocalEnd() = default;
  LocalEnd(const LocalEnd&) = delete;
  LocalEnd& operator=(const LocalEnd&) = delete;
  virtual ~LocalEnd() = default;

  // Once. start() it then.
  [[nodiscard]] virtual std::unique_ptr<Flow> begin(const FlowPorts& ports, StreamKey key,
                                                    FlowOwner& owner) = 0;
};

// The door may be destroyed in the callback.
using OnClient = std::function<void(std::unique_ptr<LocalEnd>)>;

class Door {
 public:
  Door() = default;
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  virtual ~Door() = default;

  [[nodiscard]] virtual Endpoint local() const = 0;  // with the real port
  [[nodiscard]] virtual const DoorCounters& counters() const = 0;
};

}  // namespace weft::adapter
