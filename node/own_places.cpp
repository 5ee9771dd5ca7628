#include "node/own_places.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace weft::node {
namespace {

namespace fs = std::filesystem;

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat left{};
  struct stat right{};
  return ::stat(a.c_str(), &left) == 0 && ::stat(b.c_str(), &right) == 0 &&
         left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

// With links followed as far as there is something to follow.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  auto out = fs::weakly_canonical(path, error);
  return error ? path.lexically_normal() : out;
}

bool lies_in(const fs::path& path, const fs::path& directory) {
  const auto end = std::ranges::mismatch(directory, path);
  return end.in1 == directory.end();
}

bool of_this_machine(const std::string& host, const Endpoint& listening) {
  if (host == "localhost") return true;
  const bool v6 = host.find(':') != std::string::npos;
  const auto at = endpoint_from_text(v6 ? "[" + host + "]:1" : host + ":1");
  return at && (at->is_loopback() || at->is_unspecified() || at->address == listening.address);
}

}  // namespace

std::optional<std::string> OwnPlaces::forbid(service::Protocol protocol,
                                             const service::Target& target) const {
  if (target.kind == service::Target::Kind::Unix) return forbid_path(target.path);
  if (target.kind == service::Target::Kind::Folder) return forbid_folder(target.path);
  if (protocol != service::Protocol::Udp) return std::nullopt;
  const bool own = std::ranges::any_of(udp_, [&](const Endpoint& listening) {
    return listening.port == target.port && of_this_machine(target.host, listening);
  });
  if (own) return "it is the UDP port weft itself listens on";
  return std::nullopt;
}

// Neither one of them, nor a folder above.
std::optional<std::string> OwnPlaces::forbid_folder(const fs::path& path) const {
  const auto real = resolved(path);
  for (const auto& directory : directories_)
    if (lies_in(real, resolved(directory)) || lies_in(resolved(directory), real))
      return directory.string() + " lies there, with this node's keys and state";
  return std::nullopt;
}

std::optional<std::string> OwnPlaces::forbid_path(const fs::path& path) const {
  if (socket_.empty()) return std::nullopt;
  const auto real = resolved(path);
  if (same_file(path, socket_) || real == resolved(socket_))
    return "it is this node's management socket: whoever reaches it commands the node";
  for (const auto& directory : directories_)
    if (lies_in(real, resolved(directory)))
      return "it lies in " + directory.string() + ", beside this node's keys and state";
  return std::nullopt;
}

bool is_this_process(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid == ::getpid();
}

}  // namespace weft::node
