#include "node/doctor/machine.hpp"

namespace weft::doctor {

Finding disk(const std::expected<Disk, std::string>& disk) {
  constexpr const char* kName = "disk";
  if (!disk)
    return fail(kName, disk.error(),
                "make the folder reachable for this user, or name another home");
  const std::string free = bytes_text(disk->free_bytes) + " are free at " + disk->place;
  const std::string make_room = "make room there, or move the home: weft backup, then weft restore";
  if (disk->read_only)
    return fail(kName, disk->place + " is on a file system that is mounted read-only",
                "mount it writable; after an error of the disk look at dmesg first");
  if (disk->free_bytes < kNoDisk)
    return fail(kName, free + ": changes cannot be saved soon", make_room);
  if (disk->files > 0 && disk->free_files < kSpareDescriptors)
    return fail(kName, "no more files can be made at " + disk->place + " (inodes)",
                "remove files there that nobody needs: df -i tells how many there are");
  if (disk->free_bytes < kLittleDisk) return warn(kName, free, make_room);
  return pass(kName, free);
}

Finding descriptors(std::size_t limit, std::size_t open) {
  constexpr const char* kName = "descriptors";
  const std::string detail = std::to_string(limit) + " files and connections at once" +
                             (open > 0 ? ", " + std::to_string(open) + " are open" : "");
  constexpr const char* kRaise =
      "raise the limit of open files: LimitNOFILE=65536 in the unit, or nofile in "
      "/etc/security/limits.conf (ulimit -Hn shows it)";
  if (open + kSpareDescriptors >= limit) return fail(kName, detail + ": nothing more fits", kRaise);
  if (limit < kFewDescriptors) return warn(kName, detail, kRaise);
  return pass(kName, detail);
}

Finding clock(UnixTime now, std::optional<bool> synchronised) {
  constexpr const char* kName = "clock";
  constexpr const char* kSet = "timedatectl set-ntp true, or run chrony";
  if (now < kClockFloor)
    return fail(kName,
                "this machine's clock stands before 2026: tickets and certificates are "
                "refused",
                kSet);
  if (synchronised && !*synchronised)
    return warn(kName, "the kernel says that nobody keeps this clock right", kSet);
  return pass(kName, synchronised ? "kept right by a time service"
                                  : "set; whether a time service keeps it right is not known");
}

Finding udp_buffers(std::uint64_t most, std::uint64_t wanted, bool may_force) {
  constexpr const char* kName = "udp_buffers";
  const std::string detail = "a socket may hold " + bytes_text(most);
  if (most >= wanted || may_force) return pass(kName, detail + (may_force ? ", root's more" : ""));
  const auto number = std::to_string(wanted);
  return warn(
      kName,
      detail + ", the node asks for " + bytes_text(wanted) + ": bursts of a fast sender are lost",
      "sysctl -w net.core.rmem_max=" + number + " net.core.wmem_max=" + number +
          ", and a file in /etc/sysctl.d to keep it");
}

Finding configuration(const std::string& file,
                      const std::expected<void, std::pair<std::string, std::string>>& read,
                      const std::string& exposed_token) {
  constexpr const char* kName = "configuration";
  if (!read) return fail(kName, read.error().first, read.error().second);
  if (!exposed_token.empty())
    return warn(kName, exposed_token + " holds a token and others of this machine may read it",
                "chmod 600 " + exposed_token);
  return pass(kName, file);
}

Finding home(const HomeFacts& home) {
  constexpr const char* kName = "home";
  if (!home.open_keys.empty())
    return fail(kName,
                "others of this machine may read " + some_of(home.open_keys) +
                    ": who has read a key can be this node",
                "chmod 600 " + home.open_keys.front() +
                    "; if a stranger may have read it: weft remove this node, and begin anew");
  if (!home.not_private.empty())
    return fail(kName, some_of(home.not_private), "chmod 700 the folder, owned by this user alone");
  if (!home.inhabited) return warn(kName, "no node has lived in " + home.place + " yet", "weft up");
  return pass(kName, home.place + " is this user's alone");
}

Finding port(const std::vector<Listen>& listen) {
  constexpr const char* kName = "sockets";
  std::vector<std::string> free, taken;
  for (const auto& one : listen) {
    if (one.trouble.empty()) {
      free.push_back(one.address);
      continue;
    }
    const auto text = one.address + " cannot be listened on: " + one.trouble;
    if (one.wanted)
      return fail(kName, text,
                  "`ss -lunp` tells who listens there; end it, or change node.listen in weft.toml");
    taken.push_back(text);
  }
  if (!taken.empty())
    return warn(kName, some_of(taken) + "; the node will draw another port",
                "end who has it, if firewalls know that port");
  return pass(kName, free.empty() ? "nothing is asked for" : some_of(free) + " can be listened on");
}

Finding store(const StoreFacts& store) {
  constexpr const char* kName = "store";
  if (!store.trouble.empty()) return fail(kName, store.trouble, store.fix);
  if (!store.not_looked.empty())
    return warn(kName, "not looked at: " + store.not_looked, "run weft doctor as that user");
  if (!store.remark.empty())
    return warn(kName, store.remark, "weft backup FILE, while all is well");
  return pass(kName, store.there ? "whole, and this node's" : "made at the first start");
}

Finding daemon(DaemonState state, const std::string& detail) {
  constexpr const char* kName = "daemon";
  switch (state) {
    case DaemonState::Answers:
      return pass(kName, detail);
    case DaemonState::NotRunning:
      return warn(kName, "it does not run, so only the machine was looked at", "weft up");
    case DaemonState::Silent:
      break;
  }
  return fail(kName, "it runs and does not answer: " + detail,
              "weft logs; then weft down, or end that process, and weft up");
}

Finding version(const std::string& ours, const std::string& daemons) {
  constexpr const char* kName = "version";
  if (ours == daemons) return pass(kName, ours);
  return warn(kName, "this program is " + ours + ", the daemon that runs is " + daemons,
              "weft down, then weft up: the daemon is of before an update");
}

}  // namespace weft::doctor
