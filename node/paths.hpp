// Where everything lives (XDG base directories). WEFT_HOME, or --home, moves all of it below one
// directory, so several nodes on one machine are several homes.
//
//              XDG                                        with a home
//   config     $XDG_CONFIG_HOME/weft/weft.toml, conf.d    HOME/weft.toml, HOME/conf.d
//   identity   $XDG_DATA_HOME/weft/identity.key           HOME/identity.key
//   state      $XDG_STATE_HOME/weft/{trust,state}.db      HOME/{trust,state}.db
//   socket     $XDG_STATE_HOME/weft/weft.sock             HOME/weft.sock
//
// The socket lies beside the state because the runtime directory goes away with the last login, and
// where it is depends on how one logged in. A Unix socket's path holds 107 bytes: a longer one
// moves to the runtime directory under a name made from a hash of its place, so that daemon and
// command line find the same one. Where the daemon really listens stands in the file "lock".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace weft::node {

struct Paths {
  std::optional<std::filesystem::path> home;  // absolute; empty: the XDG layout
  std::filesystem::path config_file;
  std::filesystem::path config_dir;  // conf.d
  std::filesystem::path data_dir;    // identity.key
  std::filesystem::path state_dir;   // trust.db, state.db, log
  std::filesystem::path runtime_dir;
  std::filesystem::path socket;
  std::filesystem::path other_socket;  // where file systems without sockets have it

  [[nodiscard]] std::filesystem::path identity_file() const { return data_dir / "identity.key"; }
  [[nodiscard]] std::filesystem::path trust_db() const { return state_dir / "trust.db"; }
  [[nodiscard]] std::filesystem::path state_db() const { return state_dir / "state.db"; }
  [[nodiscard]] std::filesystem::path log_file() const { return state_dir / "weft.log"; }
};

// `home`: the value of --home, else of WEFT_HOME, else empty. Reads the environment, touches no
// file.
[[nodiscard]] Paths resolve_paths(const std::optional<std::string>& home);
// True if something would have to lie below the user's home directory and nobody tells where that
// is: no `home`, no HOME, and not all of the XDG variables. resolve_paths() then means the root.
[[nodiscard]] bool home_is_unknown(const std::optional<std::string>& home);
// --home if given, else WEFT_HOME if set and not empty.
[[nodiscard]] std::optional<std::string> home_from_environment();
// Creates data, state and runtime directories, mode 0700. Refuses one that another user owns, and
// one with files in it that others may write; an empty one of those is closed to them, which is
// said in `remarks`.
[[nodiscard]] Result<void> create_directories(const Paths& paths,
                                              std::vector<std::string>* remarks = nullptr);
// Whether only this user, or root, decides what lies in the directory: its owner, no writing by
// group or others, and no link of another user's in its place.
[[nodiscard]] Result<void> check_private(const std::filesystem::path& directory);

}  // namespace weft::node
