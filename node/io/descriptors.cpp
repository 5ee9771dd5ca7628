#include "node/io/descriptors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "node/io/unique_fd.hpp"

namespace weft::io {

namespace {

UniqueFd another() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

UniqueFd& spare() {
  static UniqueFd held = another();
  return held;
}

}  // namespace

std::size_t descriptor_limit() {
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0) return 0;
  return static_cast<std::size_t>(std::min<rlim_t>(now.rlim_cur, kMostDescriptors));
}

std::size_t raise_descriptor_limit() {
  static_cast<void>(spare());  // taken now, while there are some
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) == 0) {
    const rlim_t wanted = std::min<rlim_t>(now.rlim_max, kMostDescriptors);
    if (now.rlim_cur < wanted) {
      now.rlim_cur = wanted;
      static_cast<void>(::setrlimit(RLIMIT_NOFILE, &now));  // refused: the old one holds
    }
  }
  return descriptor_limit();
}

std::size_t descriptors_open() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::size_t count = 0;
  while (const auto* entry = ::readdir(folder)) count += entry->d_name[0] == '.' ? 0 : 1;
  ::closedir(folder);
  return count - 1;  // the folder's own
}

void with_spare_descriptor(const std::function<void()>& use) {
  spare().reset();
  use();
  spare() = another();
}

}  // namespace weft::io
