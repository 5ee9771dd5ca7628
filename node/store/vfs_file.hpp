// A file of our own, read and written through sqlite's file layer, so that the disk that fails and
// forgets in tests is below it as it is below the databases.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace weft::store {

class VfsFile {
 public:
  // `vfs`: empty for the system's. Creates the file, mode 0600, if it is missing.
  [[nodiscard]] static Result<std::unique_ptr<VfsFile>> open(std::filesystem::path path,
                                                             const std::string& vfs);
  // An empty file does not.
  [[nodiscard]] static bool exists(const std::filesystem::path& path, const std::string& vfs);
  static void remove(const std::filesystem::path& path, const std::string& vfs);
  ~VfsFile();
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;

  // What is there of these bytes; behind the end: nothing.
  [[nodiscard]] Bytes read(std::size_t offset, std::size_t size);
  // On the disk when it returns. `flush_failed` is set when what the disk holds is unknown.
  [[nodiscard]] Result<void> write(std::size_t offset, ByteView bytes, bool& flush_failed);

 private:
  struct Handle;
  explicit VfsFile(std::filesystem::path path);

  std::filesystem::path path_;  // the layer below keeps a pointer to its text
  std::unique_ptr<Handle> handle_;
};

}  // namespace weft::store
