// One QUIC stream as the layer keeps it: bytes until the peer acknowledged them, bytes until the
// owner consumed them, and which of the two directions are over.
//
//   sending:    Open --finish()--> Finishing --FIN written--> Finished --acked--> done
//                 \--reset() or STOP_SENDING--> Closed
//   receiving:  Open --FIN--> ended --all consumed--> done;  RESET_STREAM or reset() --> closed
//
// Invariants
//  1. Memory is allocated when bytes come and freed when they are gone: an idle stream holds none.
//  2. A chunk never moves while ngtcp2 may point into it (from writing until acknowledgement).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ngtcp2/ngtcp2.h>

#include "base/bytes.hpp"

namespace weft::session {

struct Chunk {
  std::unique_ptr<std::uint8_t[]> data;
  std::uint32_t capacity = 0;
  std::uint32_t begin = 0;  // consumed or acknowledged up to here
  std::uint32_t end = 0;    // filled up to here
};

// First chunk 4 KiB, then doubling to 64 KiB; halving whenever it drains.
class ChunkQueue {
 public:
  static constexpr std::uint32_t kFirst = 4096;
  static constexpr std::uint32_t kLargest = 65536;

  [[nodiscard]] std::size_t size() const { return size_; }
  MutableByteView tail_space();  // at least one byte; allocates if need be
  void fill(std::size_t count);
  [[nodiscard]] ByteView front() const;
  std::size_t drop_front(std::size_t count);  // number of chunks freed
  void clear();

 protected:
  std::vector<Chunk> chunks_;
  std::size_t size_ = 0;
  std::uint32_t next_size_ = kFirst;
};

class SendBuffer : public ChunkQueue {
 public:
  [[nodiscard]] std::size_t unsent() const { return unsent_; }
  void commit(std::size_t count);
  // Up to `max` vectors from the first unsent byte; the bytes they cover.
  std::size_t gather(ngtcp2_vec* out, std::size_t max, std::size_t* count) const;
  void sent(std::size_t count);
  void acked(std::size_t count);
  void abandon();  // nothing more will be sent; what ngtcp2 points at stays until clear()
  void clear();

 private:
  std::size_t unsent_ = 0;
  std::size_t chunk_ = 0;     // where the first unsent byte lies
  std::uint32_t offset_ = 0;  // within data of that chunk
};

struct Stream {
  std::int64_t id = -1;
  SendBuffer send;
  ChunkQueue receive;
  bool local = false;
  bool accepted = false;  // peer-opened, and this node took it up
  bool fin_wanted = false;
  bool fin_sent = false;
  bool send_closed = false;  // reset by us or stopped by the peer
  bool want_space = false;   // the owner found no room: tell it when there is
  bool fin_received = false;
  bool read_closed = false;  // reset by the peer or by us
  bool readable_queued = false;
  bool quic_closed = false;      // ngtcp2 has forgotten it
  bool closed_queued = false;    // StreamClosed is on its way
  bool flow_blocked = false;     // waits for MAX_STREAM_DATA
  bool queued = false;           // in the send queue
  bool urgent = false;           // control: goes before the others
  bool standing = false;         // lasts as long as the session, and does not keep it
  std::uint64_t window = 0;      // how many unread bytes the peer may have sent us
  std::uint64_t owed = 0;        // consumed, not granted again yet
  std::uint64_t granted_at = 0;  // when the window was last given back, ngtcp2's nanoseconds
  std::size_t served = 0;        // bytes sent since its turn began
  Stream* next = nullptr;
  Stream* previous = nullptr;

  [[nodiscard]] bool wants_to_send() const {
    return !send_closed && !quic_closed && !flow_blocked &&
           (send.unsent() > 0 || (fin_wanted && !fin_sent));
  }
};

// Streams with something to send, served in turn, an urgent one first. Every operation is O(1).
class SendQueue {
 public:
  [[nodiscard]] Stream* front() const { return head_; }
  void push(Stream& stream);
  void remove(Stream& stream);
  void rotate();  // the front goes to the back

 private:
  void push_back(Stream& stream);

  Stream* head_ = nullptr;
  Stream* tail_ = nullptr;
};

}  // namespace weft::session
