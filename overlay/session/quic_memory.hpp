// What ngtcp2 may hold for one connection: an allocator that counts, and refuses beyond a quota.
//
// A peer that withholds acknowledgements, or sends single bytes with holes between, makes ngtcp2
// remember far more than the flow control windows let it send: a hole costs it a hundred bytes.
// Beyond the quota an allocation fails, ngtcp2 ends with NGTCP2_ERR_NOMEM, and the connection is
// closed. The quota begins at what an honest peer can need: the window it may fill out of order,
// the packets that may be in flight; it grows with the streams this node has accepted.
#pragma once

#include <cstddef>

#include <ngtcp2/ngtcp2.h>

namespace weft::session {

class QuicMemory {
 public:
  explicit QuicMemory(std::size_t quota);
  QuicMemory(const QuicMemory&) = delete;
  QuicMemory& operator=(const QuicMemory&) = delete;

  // For ngtcp2_conn_client_new() and _server_new(); valid as long as this object.
  [[nodiscard]] const ngtcp2_mem* allocator() const { return &table_; }
  void widen(std::size_t bytes) { quota_ += bytes; }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  static void* allocate(std::size_t size, void* self);
  static void* allocate_zeroed(std::size_t count, std::size_t size, void* self);
  static void* reallocate(void* pointer, std::size_t size, void* self);
  static void release(void* pointer, void* self);
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] void* taken(void* pointer);

  std::size_t quota_;
  std::size_t used_ = 0;
  ngtcp2_mem table_;
};

}  // namespace weft::session
