#include "tools/weft/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace weft::cli {
namespace {

[[noreturn]] void become(const char* program, char* const* arguments, int in, int out) {
  ::setsid();
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (::chdir("/") != 0) ::_exit(126);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close_range(3, ~0U, 0);
  ::execv(program, arguments);
  ::_exit(127);
}

// As the kernel was told to execute it, where /proc does not say.
std::string own_path() {
  std::error_code error;
  const auto link = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) return link.string();
  // The kernel hands this pointer over as a number. NOLINTNEXTLINE(performance-no-int-to-ptr)
  const auto* told = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (told == nullptr) return {};
  const auto path = std::filesystem::absolute(told, error);
  return !error && ::access(path.c_str(), X_OK) == 0 ? path.string() : std::string();
}

}  // namespace

Result<int> spawn_self(const std::vector<std::string>& arguments,
                       const std::filesystem::path& log) {
  // Everything that allocates happens before fork.
  std::vector<std::string> words{"weft"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const auto program = own_path();
  if (program.empty())
    return fail(
        Errc::NotFound,
        "where this program lies cannot be told, because /proc is missing. Fix: mount /proc, "
        "or run it in the foreground: weft run");
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (in < 0)
    return fail(Errc::Storage, std::string("cannot open /dev/null: ") + std::strerror(errno));
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0) {
    const std::string why = std::strerror(errno);
    ::close(in);
    return fail(Errc::Storage, "cannot open " + log.string() + ": " + why);
  }
  const int pid = ::fork();
  if (pid == 0) become(program.c_str(), argv.data(), in, out);
  ::close(in);
  ::close(out);
  if (pid < 0) return fail(Errc::Limit, "cannot start a process");
  return pid;
}

std::optional<int> exit_code_of(int pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Output run_program(const std::vector<std::string>& words) {
  std::vector<std::string> copy = words;
  std::vector<char*> argv;
  for (auto& word : copy) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const int pid = ::fork();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 0);
    ::dup2(null, 1);
    ::dup2(ends[1], 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  Output output;
  std::array<char, 4096> part{};
  for (ssize_t n; pid > 0 && (n = ::read(ends[0], part.data(), part.size())) > 0;)
    if (output.text.size() < 64 * part.size())
      output.text.append(part.data(), static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  if (pid > 0 && ::waitpid(pid, &status, 0) == pid)
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  while (output.text.ends_with('\n')) output.text.pop_back();
  if (output.code == 127 && output.text.empty()) output.text = words.front() + " is not installed";
  return output;
}

bool wait_gone(int pid, std::chrono::milliseconds limit) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd poll{fd, POLLIN, 0};
  const int ready = ::poll(&poll, 1, static_cast<int>(limit.count()));
  ::close(fd);
  return ready == 1;
}

std::string last_lines(const std::filesystem::path& file, std::uintmax_t offset, int count) {
  std::ifstream in(file);
  in.seekg(static_cast<std::streamoff>(offset));
  std::ostringstream all;
  all << in.rdbuf();
  auto text = all.str();
  while (text.ends_with('\n')) text.pop_back();
  auto start = text.size();
  for (int i = 0; i < count && start != std::string::npos && start != 0; ++i)
    start = text.rfind('\n', start - 1);
  if (start != std::string::npos && start != 0) text.erase(0, start + 1);
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at))
    text.replace(at, text.find_first_not_of("\n ", at) - at, "; ");
  return text;
}

}  // namespace weft::cli
