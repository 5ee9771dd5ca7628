// Who asked for access to which of our services, until a person decides. Held in memory: after a
// restart it is asked again. A refusal is remembered for kRefusedFor, so that asking again and
// again is of no use.
//
// Invariants: kMaxAsks entries, kMaxOfOne of one member; asking again for the same renews its note.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/node_id.hpp"
#include "base/time.hpp"
#include "overlay/streams/ask_message.hpp"

namespace weft::overlay {

class AskBook {
 public:
  static constexpr std::size_t kMaxAsks = 64;
  static constexpr std::size_t kMaxOfOne = 4;
  static constexpr UnixTime kRefusedFor = 24 * 3600;

  struct Entry {
    std::uint64_t id = 0;
    NodeId who;
    std::string service, note;
    UnixTime at = 0;
    bool refused = false;
  };

  // What is answered; `fresh` is set when nobody has heard of it yet.
  AskStatus add(UnixTime now, const NodeId& who, const Ask& ask, bool& fresh);
  // Of those that wait. Null: there is none.
  [[nodiscard]] const Entry* find(std::uint64_t id) const;
  bool refuse(UnixTime now, std::uint64_t id);
  void remove(std::uint64_t id);
  void drop_if(const std::function<bool(const Entry&)>& over);
  [[nodiscard]] std::vector<Entry> waiting() const;  // by id

 private:
  std::vector<Entry> entries_;
  std::uint64_t last_ = 0;
};

}  // namespace weft::overlay
