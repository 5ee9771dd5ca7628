// One process owns a home: an exclusive flock on the file "lock" in its state directory. The kernel
// drops it with the process, however that ends. The file says who holds it and where that one
// listens: "PID\nSOCKET\n".
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "node/store/file.hpp"

namespace weft::store {

struct LockOwner {
  int pid = 0;                   // 0: not known
  std::filesystem::path socket;  // empty: not said (yet)
};

class HomeLock {
 public:
  // Busy: another process has it; the detail starts with "LOCKED" and names its pid.
  [[nodiscard]] static Result<std::shared_ptr<HomeLock>> take(
      const std::filesystem::path& state_dir);
  // Who had it last, as that one wrote it down. Whether it still lives its socket tells: to ask the
  // lock would mean to hold it for a moment, in the way of one that is just starting.
  [[nodiscard]] static std::optional<LockOwner> last_owner(const std::filesystem::path& state_dir);

  // Where the owner, this process, is spoken to.
  [[nodiscard]] Result<void> say_socket(const std::filesystem::path& socket);

 private:
  Result<void> write(const std::string& text);

  std::filesystem::path path_;
  File file_;
};

}  // namespace weft::store
