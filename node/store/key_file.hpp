// A 32-byte secret seed in a file of its own: identity.key, person.key.
// Text "weft key v1 <64 hex digits>\n", mode 0600, owned by this user, a regular file.
//
// A key file that exists and is not exactly that is an error with what, why and how to fix; it is
// never replaced, repaired or re-made, because the identity would change silently.
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.hpp"

namespace weft::store {

// NotFound: there is none. Denied: mode, owner or file type. Malformed: content. Storage: IO.
[[nodiscard]] Result<ByteArray<32>> load_key_file(const std::filesystem::path& path);
// The content of a key file.
[[nodiscard]] Result<ByteArray<32>> parse_key(ByteView content);
// AlreadyExists if anything is there. File and directory are on disk when this returns.
[[nodiscard]] Result<void> create_key_file(const std::filesystem::path& path,
                                           const ByteArray<32>& seed);

}  // namespace weft::store
