// The MACs over what a node stores, under a key derived from its identity: who cannot read
// identity.key can neither change a row nor put an old one back. Bytes in docs/wire/state.md.
//
// A Digest is the sum, modulo 2^256, of the MACs of all rows of one database. It follows each
// change in constant time and tells a row that is missing, or one too many, though each row by
// itself is right.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/crypto.hpp"
#include "base/persist.hpp"

namespace weft::store {

using Mac = crypto::Hash;

class Digest {
 public:
  Digest() = default;
  Digest(const Mac& bytes, std::uint64_t rows);  // as bytes() and rows() gave them
  void add(const Mac& mac);
  void remove(const Mac& mac);
  [[nodiscard]] Mac bytes() const;  // big-endian
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  bool operator==(const Digest&) const = default;

 private:
  std::array<std::uint64_t, 4> sum_{};  // least significant first
  std::uint64_t rows_ = 0;
};

class Sealer {
 public:
  explicit Sealer(const ByteArray<32>& identity_seed);
  ~Sealer() { crypto::wipe(key_); }
  Sealer(const Sealer&) = default;
  Sealer& operator=(const Sealer&) = default;

  [[nodiscard]] Mac row(std::string_view table, const NetworkId& network, ByteView key,
                        ByteView value) const;
  // Of a whole database: how often it was changed, and all of its rows.
  [[nodiscard]] Mac database(std::string_view file, std::uint64_t generation,
                             const Digest& digest) const;
  [[nodiscard]] Mac marker(ByteView bytes) const;
  [[nodiscard]] Mac backup(ByteView bytes) const;

 private:
  crypto::Key32 key_{};
};

}  // namespace weft::store
