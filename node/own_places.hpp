// What of this node itself must never become a service: its management socket (whoever reaches it
// commands the node), its keys and databases, and the UDP port it listens on.
//
// Asked twice: when a service is exposed, and when a caller is about to be connected, because what
// lies at a path may have been exchanged in between. A path is judged by what it leads to (device
// and inode), so links and other spellings do not help. is_this_process() has the last word about a
// connected socket, whatever the path was a moment ago.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "overlay/service/service.hpp"

namespace weft::node {

class OwnPlaces {
 public:
  OwnPlaces() = default;
  OwnPlaces(std::filesystem::path socket, std::vector<std::filesystem::path> directories)
      : socket_(std::move(socket)), directories_(std::move(directories)) {}

  void set_udp(std::vector<Endpoint> listening) { udp_ = std::move(listening); }
  // Why this may not be exposed; nothing if it may.
  [[nodiscard]] std::optional<std::string> forbid(service::Protocol protocol,
                                                  const service::Target& target) const;

 private:
  [[nodiscard]] std::optional<std::string> forbid_path(const std::filesystem::path& path) const;
  [[nodiscard]] std::optional<std::string> forbid_folder(const std::filesystem::path& path) const;

  std::filesystem::path socket_;
  std::vector<std::filesystem::path> directories_;
  std::vector<Endpoint> udp_;
};

// True if the other end of this connected Unix socket is in our own process.
[[nodiscard]] bool is_this_process(int fd);

}  // namespace weft::node
