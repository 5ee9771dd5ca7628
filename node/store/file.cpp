#include "node/store/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace weft::store {

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool write_durably(const File& file, ByteView bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return ::fsync(file.get()) == 0;
}

bool sync_directory(const std::filesystem::path& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return file && ::fsync(file.get()) == 0;
}

}  // namespace weft::store
