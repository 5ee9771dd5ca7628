// One file that holds a whole node: both keys, both databases as of one moment, and the marker that
// belongs to them. Whoever reads it can be this node: mode 0600.
//
// The file is an sqlite database (application_id "weft") with one table, file(name, bytes), and a
// row "seal": a MAC over all the others under the key of the identity inside. `sqlite3 FILE "select
// writefile(name, bytes) from file"` takes it apart by hand. Layout in docs/wire/state.md.
#pragma once

#include <filesystem>

#include "node/store/home.hpp"

namespace weft::store {

// Writes FILE from a store that is in use, on the thread that owns the store. AlreadyExists: never
// written over.
[[nodiscard]] Result<void> write_backup(Store& store, const HomePlaces& places,
                                        const std::filesystem::path& file);

// Makes a home of it. AlreadyExists: a node lives there. Busy: one runs there. Malformed: no
// backup, or a damaged one; then nothing is written.
[[nodiscard]] Result<void> restore_backup(const std::filesystem::path& file,
                                          const HomePlaces& places);

}  // namespace weft::store
