// Where bytes on the wire live while they travel. Fixed slots in five sizes, handed out by a
// 32-bit handle and reused last in, first out: no allocation per packet once a run is warm.
// Limits: 65,507 bytes a packet (UDP), 2^28 packets of one size class in flight.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace weft::sim {

using PacketHandle = std::uint32_t;

struct PacketHeader {
  std::uint32_t from = 0;     // the node that sent it
  std::uint32_t number = 0;   // its so many-th datagram
  std::uint32_t gateway = 0;  // whose public address it goes to
  Endpoint seen_from;         // the source address a receiver sees
  std::uint16_t to_port = 0;
  std::uint16_t size = 0;
  bool queued = false;   // already waited in the receiver's access queue
  bool at_home = false;  // it stays behind the gateway; `gateway` is the node itself then
};

class PacketArena {
 public:
  PacketHandle add(const PacketHeader& header, ByteView bytes) {
    WEFT_ASSERT(bytes.size() <= 65507);
    std::size_t kind = 0;
    while (kSizes[kind] < bytes.size()) ++kind;
    Class& c = classes_[kind];
    if (c.free.empty()) grow(kind);
    const std::uint32_t index = c.free.back();
    c.free.pop_back();
    ++live_;
    const auto handle = static_cast<PacketHandle>(kind << 28 | index);
    PacketHeader& stored = header_of(handle);
    stored = header;
    stored.size = static_cast<std::uint16_t>(bytes.size());
    if (!bytes.empty()) std::memcpy(data_of(handle), bytes.data(), bytes.size());
    return handle;
  }
  PacketHeader& header_of(PacketHandle handle) {
    return classes_[handle >> 28].headers[handle & kIndexMask];
  }
  ByteView bytes_of(PacketHandle handle) { return {data_of(handle), header_of(handle).size}; }
  void warm_header(PacketHandle handle) { __builtin_prefetch(&header_of(handle)); }
  void warm_bytes(PacketHandle handle) {
    for (std::size_t at = 0; at < 192; at += 64) __builtin_prefetch(data_of(handle) + at);
  }
  void release(PacketHandle handle) {
    classes_[handle >> 28].free.push_back(handle & kIndexMask);
    --live_;
  }
  [[nodiscard]] std::size_t live() const { return live_; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_; }

 private:
  static constexpr std::array<std::size_t, 5> kSizes{160, 640, 1536, 9216, 65536};
  static constexpr std::uint32_t kIndexMask = (1U << 28) - 1;
  struct Class {
    std::vector<std::unique_ptr<std::uint8_t[]>> blocks;
    std::vector<PacketHeader> headers;
    std::vector<std::uint32_t> free;
  };
  static constexpr std::size_t per_block(std::size_t kind) {
    return std::max<std::size_t>(std::size_t{1}, (std::size_t{1} << 18) / kSizes[kind]);
  }
  std::uint8_t* data_of(PacketHandle handle) {
    const std::size_t kind = handle >> 28;
    const std::size_t index = handle & kIndexMask;
    return classes_[kind].blocks[index / per_block(kind)].get() +
           index % per_block(kind) * kSizes[kind];
  }
  void grow(std::size_t kind) {
    Class& c = classes_[kind];
    const std::size_t count = per_block(kind);
    const std::size_t first = c.headers.size();
    WEFT_ASSERT(first + count <= kIndexMask);
    c.blocks.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(count * kSizes[kind]));
    c.headers.resize(first + count);
    for (std::size_t i = count; i-- > 0;) c.free.push_back(static_cast<std::uint32_t>(first + i));
    memory_ += count * (kSizes[kind] + sizeof(PacketHeader) + sizeof(std::uint32_t));
  }

  std::array<Class, kSizes.size()> classes_;
  std::size_t live_ = 0;
  std::size_t memory_ = 0;
};

}  // namespace weft::sim
