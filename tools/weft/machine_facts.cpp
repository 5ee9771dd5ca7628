#include "tools/weft/machine_facts.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "node/carriers/udp_socket.hpp"
#include "node/config.hpp"
#include "node/doctor/machine.hpp"
#include "node/failure_text.hpp"
#include "node/io/clock.hpp"
#include "node/io/descriptors.hpp"
#include "node/io/secure_rng.hpp"
#include "node/listen_addresses.hpp"
#include "node/store/home.hpp"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

// The folder, or the nearest above it that is there.
fs::path nearest(fs::path place) {
  std::error_code none;
  while (!fs::exists(place, none) && place.has_relative_path()) place = place.parent_path();
  return place;
}

std::expected<doctor::Disk, std::string> disk_of(const fs::path& wanted) {
  const auto place = nearest(wanted);
  struct statvfs facts{};
  if (::statvfs(place.c_str(), &facts) != 0)
    return std::unexpected("the disk of " + place.string() +
                           " cannot be asked: " + std::strerror(errno));
  return doctor::Disk{place.string(), std::uint64_t{facts.f_bavail} * facts.f_frsize, facts.f_files,
                      facts.f_favail, (facts.f_flag & ST_RDONLY) != 0};
}

// Nothing: the kernel does not say, as in some containers.
std::optional<bool> clock_is_kept() {
  timex facts{};
  const int state = ::adjtimex(&facts);
  if (state < 0) return std::nullopt;
  return state != TIME_ERROR && (facts.status & STA_UNSYNC) == 0;
}

bool others_may_read(const fs::path& file) {
  struct stat facts{};
  return ::stat(file.c_str(), &facts) == 0 && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0;
}

doctor::Finding look_at_configuration(const node::Paths& paths,
                                      const node::ConfigResult<node::Config>& config) {
  std::error_code none;
  const bool there = fs::exists(paths.config_file, none);
  const auto file = there ? paths.config_file.string() : "none: all is as built in";
  if (!config)
    return doctor::configuration(
        file, std::unexpected(std::pair(node::to_text(config.error()), config.error().fix)), {});
  const bool secret = there && !config->metrics_token.empty() && others_may_read(paths.config_file);
  return doctor::configuration(file, {}, secret ? paths.config_file.string() : std::string());
}

doctor::Finding look_at_home(const node::Paths& paths) {
  const store::HomePlaces places{paths.data_dir, paths.state_dir};
  doctor::HomeFacts facts;
  facts.place = paths.state_dir.string();
  facts.inhabited = store::is_inhabited(places);
  std::error_code none;
  for (const auto& folder : {paths.data_dir, paths.state_dir})
    if (fs::exists(folder, none))
      if (const auto ok = node::check_private(folder); !ok)
        facts.not_private.push_back(node::take_apart(ok.error().detail, "weft").why);
  for (const auto& key : {places.identity(), places.person()})
    if (others_may_read(key)) facts.open_keys.push_back(key.string());
  return doctor::home(facts);
}

// As a start checks it. A file of another user is left alone: to open it would make files beside it
// that this user then owns.
doctor::Finding look_at_store(const node::Paths& paths) {
  const store::HomePlaces places{paths.data_dir, paths.state_dir};
  doctor::StoreFacts facts;
  facts.there = store::is_inhabited(places);
  struct stat owner{};
  if (!facts.there) return doctor::store(facts);
  if (::stat(paths.state_dir.c_str(), &owner) != 0 || owner.st_uid != ::geteuid()) {
    facts.not_looked = paths.state_dir.string() + " belongs to another user";
    return doctor::store(facts);
  }
  io::SecureRng rng;
  auto home = store::open_home(places, rng);
  if (!home && home.error().code == Errc::Busy) {
    facts.not_looked = "a daemon has it just now";
  } else if (!home) {
    const auto text = node::take_apart(home.error().detail, "weft");
    facts.trouble = text.why;
    facts.fix = text.fix;
  } else {
    facts.remark = home->store->remark();
  }
  return doctor::store(facts);
}

doctor::Finding look_at_port(const node::ConfigResult<node::Config>& config) {
  std::vector<doctor::Listen> facts;
  const bool wanted = config && !config->listen.empty();
  std::vector<Endpoint> addresses;
  if (wanted)
    if (auto listen = node::listen_places(config->listen)) addresses = std::move(listen->udp);
  if (addresses.empty()) addresses.emplace_back().port = node::kDefaultPort;
  for (const auto& address : addresses) {
    carriers::UdpOptions options;
    options.bind = address;
    const auto opened = carriers::open_udp_socket(options);
    facts.push_back({to_text(address), opened ? std::string() : opened.error().detail, wanted});
  }
  return doctor::port(facts);
}

doctor::Finding look_at_buffers() {
  std::uint64_t most = 0;
  std::ifstream("/proc/sys/net/core/rmem_max") >> most;
  return doctor::udp_buffers(most, static_cast<std::uint64_t>(carriers::UdpOptions{}.socket_buffer),
                             ::geteuid() == 0);
}

}  // namespace

std::vector<doctor::Finding> look_at_machine(const node::Paths& paths, bool running) {
  const auto config = node::load_config(paths);
  std::vector<doctor::Finding> out{look_at_configuration(paths, config), look_at_home(paths),
                                   doctor::disk(disk_of(paths.state_dir)),
                                   doctor::clock(io::unix_time(), clock_is_kept()),
                                   look_at_buffers()};
  if (running) return out;  // the daemon looks at its own
  io::raise_descriptor_limit();
  out.push_back(doctor::descriptors(io::descriptor_limit(), 0));
  out.push_back(look_at_store(paths));
  out.push_back(look_at_port(config));
  return out;
}

}  // namespace weft::cli
