// A file descriptor that closes itself, and the few durable file operations the store needs.
#pragma once

#include <filesystem>
#include <utility>

#include "base/bytes.hpp"

namespace weft::store {

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File();

  [[nodiscard]] int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

// Writes all of it, then fsync. errno tells why on false.
bool write_durably(const File& file, ByteView bytes);
// Makes the directory's entries durable.
bool sync_directory(const std::filesystem::path& directory);

}  // namespace weft::store
