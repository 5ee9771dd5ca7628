#include "tools/weft/pump.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>
#include <vector>

namespace weft::cli {
namespace {

constexpr std::size_t kChunk = 64 * 1024;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

// True when the source ended cleanly and everything was written.
bool copy(int from, int to) {
  std::vector<char> buffer(kChunk);
  for (;;) {
    const auto size = ::read(from, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return size == 0;
    if (!write_all(to, {buffer.data(), static_cast<std::size_t>(size)})) return false;
  }
}

}  // namespace

int pump_stdio(int fd, std::string_view early) {
  ::signal(SIGPIPE, SIG_IGN);
  if (!write_all(STDOUT_FILENO, early)) return 1;
  std::thread([fd] {
    (void)copy(STDIN_FILENO, fd);
    ::shutdown(fd, SHUT_WR);
  }).detach();
  // The other thread may sit in read() on a terminal: leave without waiting for it.
  std::_Exit(copy(fd, STDOUT_FILENO) ? 0 : 1);
}

}  // namespace weft::cli
