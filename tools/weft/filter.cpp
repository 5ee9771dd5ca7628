#include "tools/weft/filter.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

extern char** environ;  // NOLINT: POSIX

namespace weft::cli {

namespace {

// The input as a file of its own: a pipe would fill while nobody reads.
int file_of(const std::string& input) {
  const int fd = ::memfd_create("weft-input", MFD_CLOEXEC);
  if (fd < 0) return fd;
  std::string_view rest = input;
  while (!rest.empty()) {
    const auto size = ::write(fd, rest.data(), rest.size());
    if (size <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(size));
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

struct Read {
  std::string text;
  bool too_much = false;
};

Read read_all(int fd) {
  Read out;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto size = ::read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return out;
    if (out.text.size() + static_cast<std::size_t>(size) > kMaxFiltered)
      out.too_much = true;  // read on, so that it ends
    else
      out.text.append(piece.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace

Result<std::string> run_filter(
    const std::string& command, const std::string& input,
    const std::vector<std::pair<std::string, std::string>>& environment) {
  std::vector<std::string> own;
  for (const auto& [name, value] : environment) own.push_back(name + "=" + value);
  std::vector<char*> variables;
  for (char** at = environ; *at != nullptr; ++at) variables.push_back(*at);
  for (auto& variable : own) variables.push_back(variable.data());
  variables.push_back(nullptr);

  const int in = file_of(input);
  std::array<int, 2> out{-1, -1};
  if (in < 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
    if (in >= 0) ::close(in);
    return fail(Errc::Limit, "no file descriptor for the command");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::string shell = "sh";
  std::string flag = "-c";
  std::string text = command;
  std::array<char*, 4> words{shell.data(), flag.data(), text.data(), nullptr};
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, "/bin/sh", &actions, nullptr, words.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(in);
  ::close(out[1]);
  auto read = error == 0 ? read_all(out[0]) : Read{};
  ::close(out[0]);
  if (error != 0) return fail(Errc::NotFound, "the shell cannot be run");
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(Errc::Closed, "the command failed");
  if (read.too_much) return fail(Errc::TooLarge, "the command printed more than a message takes");
  if (read.text.ends_with('\n')) read.text.pop_back();
  return std::move(read.text);
}

}  // namespace weft::cli
