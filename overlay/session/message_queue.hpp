// Messages (DATAGRAM frames) of one session that wait to be sent, of all who speak through it.
//
// Invariants
//  1. At most `limit` wait; what came first is sent first.
//  2. When there is no more room, whoever has the most waiting gives way: a sender that floods
//     loses its own messages, and one that says little loses none.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "base/bytes.hpp"

namespace weft::session {

class MessageQueue {
 public:
  // Who a message is from, as far as fairness goes: the stream it belongs to.
  using Sender = std::int64_t;

  explicit MessageQueue(std::size_t limit) : limit_(limit) {}

  // False: there is no room, and the sender has no less waiting than anybody else.
  bool push(Sender sender, ByteView message);
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  // REQUIRES: not empty.
  [[nodiscard]] Bytes& front() { return waiting_.front().message; }
  void pop_front();
  // Messages that had to give way since the start.
  [[nodiscard]] std::uint64_t displaced() const { return displaced_; }

 private:
  struct Entry {
    Sender sender;
    Bytes message;
  };
  void uncount(Sender sender);

  std::size_t limit_;
  std::deque<Entry> waiting_;
  std::map<Sender, std::size_t> counts_;  // none is zero
  std::uint64_t displaced_ = 0;
};

}  // namespace weft::session
