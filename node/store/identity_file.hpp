// An identity to carry away: both keys of a node in one line of text, closed with a passphrase
// (Argon2id, then XSalsa20-Poly1305). Layout in docs/wire/state.md.
//
// It is who the node is, not what it knows: a network takes it in again by an invite.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/rng.hpp"

namespace weft::store {

struct ExportedIdentity {
  ByteArray<32> identity{};
  ByteArray<32> person{};

  bool operator==(const ExportedIdentity&) const = default;
};

inline constexpr std::size_t kMinPassphrase = 8;

// How dear one guess is. Read back from the file, within bounds.
struct PassphraseCost {
  std::uint32_t passes = 3;
  std::uint32_t mebibytes = 256;
};

struct ClosedIdentity {
  PassphraseCost cost;
  ByteArray<16> salt{};
  ByteArray<24> nonce{};
  Bytes box;
};

// The text as it is, nothing opened. Malformed: no such text, or a cost out of bounds.
[[nodiscard]] Result<ClosedIdentity> read_closed(std::string_view text);
[[nodiscard]] Result<std::string> close_identity(const ExportedIdentity& keys,
                                                 std::string_view passphrase, Rng& rng,
                                                 PassphraseCost cost = {});
// Malformed: no such text. AuthFailed: another passphrase, or damaged. Limit: no memory for it.
[[nodiscard]] Result<ExportedIdentity> open_identity(std::string_view text,
                                                     std::string_view passphrase);

}  // namespace weft::store
