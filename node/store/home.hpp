// A node's home as a whole: its two keys and its store, whole or refused (store.hpp, invariant 4).
// Where the marker, the databases or one of the keys are, the rest must be; a new node begins only
// where there is nothing at all.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/rng.hpp"
#include "node/store/home_lock.hpp"
#include "node/store/store.hpp"

namespace weft::store {

struct HomePlaces {
  std::filesystem::path keys;   // identity.key, person.key, home.seal
  std::filesystem::path state;  // trust.db, state.db, lock

  [[nodiscard]] std::filesystem::path identity() const { return keys / "identity.key"; }
  [[nodiscard]] std::filesystem::path person() const { return keys / "person.key"; }
  [[nodiscard]] std::filesystem::path marker() const { return keys / kMarkerName; }
};

struct Home {
  std::shared_ptr<HomeLock> lock;
  std::unique_ptr<Store> store;
  ByteArray<32> identity{};
  ByteArray<32> person{};
};

// REQUIRES: both directories are there. Errors as Store::open() and load_key_file().
// `lock`: of places.state, if it is taken already.
[[nodiscard]] Result<Home> open_home(const HomePlaces& places, Rng& rng,
                                     std::shared_ptr<HomeLock> lock = nullptr);

// True if anything of a node lies there.
[[nodiscard]] bool is_inhabited(const HomePlaces& places);
// Keys without databases, so that the next start begins with them: an imported identity.
// AlreadyExists if anything is there.
[[nodiscard]] Result<void> settle_keys(const HomePlaces& places, const ByteArray<32>& identity,
                                       const ByteArray<32>& person);

// The way out without a backup. What is given up is moved, never deleted, into a folder of its own.
enum class Reset : std::uint8_t {
  Seal,      // take the databases as they are
  Services,  // begin without services, rules and doors: state.db
  Network,   // leave the network: trust.db
  All,       // begin as a new node
};
[[nodiscard]] std::optional<Reset> reset_from_text(std::string_view text);
// `stamp` names the folder, "aside-STAMP" beside the databases. What was moved.
[[nodiscard]] Result<std::vector<std::filesystem::path>> reset_home(const HomePlaces& places,
                                                                    Reset what,
                                                                    const std::string& stamp);

}  // namespace weft::store
