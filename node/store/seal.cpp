#include "node/store/seal.hpp"

namespace weft::store {
namespace {

// What a MAC is about: no bytes of one kind can stand for another.
constexpr std::uint8_t kRow = 1;
constexpr std::uint8_t kDatabase = 2;
constexpr std::uint8_t kMarker = 3;
constexpr std::uint8_t kBackup = 4;

Bytes begin(std::uint8_t kind, std::string_view name) {
  Bytes out{kind, static_cast<std::uint8_t>(name.size())};
  append(out, bytes_of(name));
  return out;
}

std::array<std::uint64_t, 4> limbs(const Mac& mac) {
  std::array<std::uint64_t, 4> out;
  for (std::size_t i = 0; i < 4; ++i)
    out[i] = read_be<std::uint64_t>(ByteView(mac).subspan(24 - 8 * i));
  return out;
}

}  // namespace

Digest::Digest(const Mac& bytes, std::uint64_t rows) : sum_(limbs(bytes)), rows_(rows) {}

void Digest::add(const Mac& mac) {
  bool carry = false;
  const auto more = limbs(mac);
  for (std::size_t i = 0; i < 4; ++i) {
    const bool first = __builtin_add_overflow(sum_[i], more[i], &sum_[i]);
    const bool second = __builtin_add_overflow(sum_[i], std::uint64_t{carry}, &sum_[i]);
    carry = first || second;
  }
  ++rows_;
}

void Digest::remove(const Mac& mac) {
  bool borrow = false;
  const auto less = limbs(mac);
  for (std::size_t i = 0; i < 4; ++i) {
    const bool first = __builtin_sub_overflow(sum_[i], less[i], &sum_[i]);
    const bool second = __builtin_sub_overflow(sum_[i], std::uint64_t{borrow}, &sum_[i]);
    borrow = first || second;
  }
  --rows_;
}

Mac Digest::bytes() const {
  Bytes out;
  for (std::size_t i = 4; i-- > 0;) append_be(out, sum_[i]);
  return *to_array<32>(out);
}

Sealer::Sealer(const ByteArray<32>& identity_seed) {
  auto secret = crypto::hkdf_extract(bytes_of("weft state v1"), identity_seed);
  crypto::hkdf_expand(secret, bytes_of("mac"), key_);
  crypto::wipe(secret);
}

Mac Sealer::row(std::string_view table, const NetworkId& network, ByteView key,
                ByteView value) const {
  Bytes head = begin(kRow, table);
  append(head, network.view());
  append_be(head, static_cast<std::uint32_t>(key.size()));
  return crypto::hmac_sha256(key_, {head, key, value});
}

Mac Sealer::database(std::string_view file, std::uint64_t generation, const Digest& digest) const {
  Bytes bytes = begin(kDatabase, file);
  append_be(bytes, generation);
  append_be(bytes, digest.rows());
  append(bytes, digest.bytes());
  return crypto::hmac_sha256(key_, bytes);
}

Mac Sealer::marker(ByteView bytes) const {
  return crypto::hmac_sha256(key_, {begin(kMarker, ""), bytes});
}

Mac Sealer::backup(ByteView bytes) const {
  return crypto::hmac_sha256(key_, {begin(kBackup, ""), bytes});
}

}  // namespace weft::store
