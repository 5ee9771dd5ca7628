#include "overlay/session/quic_memory.hpp"

#include <malloc.h>

#include <cstdlib>

namespace weft::session {

namespace {

// With what the allocator keeps beside it: most of what ngtcp2 asks for is 24 to 64 bytes long.
std::size_t cost_of(void* pointer) {
  return pointer == nullptr ? 0 : malloc_usable_size(pointer) + sizeof(std::size_t);
}

QuicMemory& memory_of(void* self) { return *static_cast<QuicMemory*>(self); }

}  // namespace

QuicMemory::QuicMemory(std::size_t quota)
    : quota_(quota), table_{this, allocate, release, allocate_zeroed, reallocate} {}

std::size_t QuicMemory::room() const { return quota_ > used_ ? quota_ - used_ : 0; }

void* QuicMemory::taken(void* pointer) {
  used_ += cost_of(pointer);
  return pointer;
}

void* QuicMemory::allocate(std::size_t size, void* self) {
  auto& memory = memory_of(self);
  return size > memory.room() ? nullptr : memory.taken(std::malloc(size));
}

void* QuicMemory::allocate_zeroed(std::size_t count, std::size_t size, void* self) {
  auto& memory = memory_of(self);
  if (size != 0 && count > memory.room() / size) return nullptr;
  return memory.taken(std::calloc(count, size));
}

void* QuicMemory::reallocate(void* pointer, std::size_t size, void* self) {
  auto& memory = memory_of(self);
  const std::size_t before = cost_of(pointer);
  if (size > memory.room() + before) return nullptr;
  void* moved = std::realloc(pointer, size);
  if (moved == nullptr) return nullptr;
  memory.used_ -= before;
  return memory.taken(moved);
}

void QuicMemory::release(void* pointer, void* self) {
  memory_of(self).used_ -= cost_of(pointer);
  std::free(pointer);
}

}  // namespace weft::session
