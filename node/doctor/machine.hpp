// What the machine gives a node, whether the daemon runs or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "node/doctor/finding.hpp"

namespace weft::doctor {

struct Disk {
  std::string place;
  std::uint64_t free_bytes = 0;
  std::uint64_t files = 0, free_files = 0;  // 0 files: the file system does not count them
  bool read_only = false;
};
inline constexpr std::uint64_t kLittleDisk = std::uint64_t{256}
                                             << 20;  // a log and its turns, twice
inline constexpr std::uint64_t kNoDisk = std::uint64_t{16} << 20;
// Unexpected: why it could not be asked.
[[nodiscard]] Finding disk(const std::expected<Disk, std::string>& disk);

// Each flow takes one; a browser alone opens hundreds.
inline constexpr std::size_t kFewDescriptors = 4096;
inline constexpr std::size_t kSpareDescriptors = 16;
[[nodiscard]] Finding descriptors(std::size_t limit, std::size_t open);

// A clock that stands before this was never set: tickets and certificates have ended or not begun.
inline constexpr UnixTime kClockFloor = 1'767'225'600;  // 2026-01-01
// `synchronised`: what the kernel says; nothing where it does not.
[[nodiscard]] Finding clock(UnixTime now, std::optional<bool> synchronised);

// The most that a socket's buffer may hold without a right (net.core.rmem_max), and what is wanted.
[[nodiscard]] Finding udp_buffers(std::uint64_t most, std::uint64_t wanted, bool may_force);

// Whether the configuration can be read: unexpected holds why and the fix. `exposed_token`: the
// file with a secret in it that others may read; empty: none.
[[nodiscard]] Finding configuration(
    const std::string& file, const std::expected<void, std::pair<std::string, std::string>>& read,
    const std::string& exposed_token);

struct HomeFacts {
  std::string place;
  bool inhabited = false;                // a node has lived there
  std::vector<std::string> not_private;  // why a folder is not this user's alone
  std::vector<std::string> open_keys;    // key files that others may read
};
[[nodiscard]] Finding home(const HomeFacts& home);

// What is bound when the daemon starts: addresses of the configuration, each with why it cannot be.
struct Listen {
  std::string address;
  std::string trouble;  // empty: it can be bound
  bool wanted = false;  // the configuration names it; else another port would do
};
[[nodiscard]] Finding port(const std::vector<Listen>& listen);

// The databases of a daemon that does not run, as a start would check them.
struct StoreFacts {
  bool there = false;
  std::string not_looked;  // why not; empty: looked
  std::string trouble, fix;
  std::string remark;
};
[[nodiscard]] Finding store(const StoreFacts& store);

enum class DaemonState : std::uint8_t { Answers, NotRunning, Silent };
// `detail`: of who answers, or why nobody does.
[[nodiscard]] Finding daemon(DaemonState state, const std::string& detail);
// Of this program and of the daemon that answers.
[[nodiscard]] Finding version(const std::string& ours, const std::string& daemons);

}  // namespace weft::doctor
