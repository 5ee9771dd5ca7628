#include "node/store/identity_file.hpp"

#include <sodium.h>

#include "base/crypto.hpp"

namespace weft::store {
namespace {

constexpr std::string_view kPrefix = "weft-identity-1 ";
constexpr std::uint32_t kMostPasses = 16;
constexpr std::uint32_t kMostMebibytes = 1024;  // a file must not take the memory of a machine
constexpr std::size_t kSalt = crypto_pwhash_SALTBYTES;
constexpr std::size_t kNonce = crypto_secretbox_NONCEBYTES;
static_assert(kSalt == 16 && kNonce == 24);
constexpr std::size_t kHead = 4 + 4 + kSalt + kNonce;
constexpr std::size_t kSecret = 64;
constexpr std::size_t kSize = kHead + kSecret + crypto_secretbox_MACBYTES;

Result<crypto::Key32> stretch(std::string_view passphrase, ByteView salt, PassphraseCost cost) {
  crypto::Key32 key;
  if (::crypto_pwhash(key.data(), key.size(), passphrase.data(), passphrase.size(), salt.data(),
                      cost.passes, std::size_t{cost.mebibytes} << 20,
                      crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(Errc::Limit, std::to_string(cost.mebibytes) +
                                 " MiB of memory are needed for the passphrase. Fix: free some");
  return key;
}

std::unexpected<Error> no_identity() {
  return fail(Errc::Malformed,
              "this is not an exported identity: it begins with weft-identity-1 and is one line. "
              "Fix: copy the whole file");
}

}  // namespace

Result<std::string> close_identity(const ExportedIdentity& keys, std::string_view passphrase,
                                   Rng& rng, PassphraseCost cost) {
  if (passphrase.size() < kMinPassphrase)
    return fail(Errc::Usage, "the passphrase is shorter than " + std::to_string(kMinPassphrase) +
                                 " characters. Fix: take a longer one");
  Bytes out;
  append_be(out, cost.passes);
  append_be(out, cost.mebibytes);
  const auto salt = rng.bytes<kSalt>();
  const auto nonce = rng.bytes<kNonce>();
  append(out, salt);
  append(out, nonce);
  WEFT_TRY(auto key, stretch(passphrase, salt, cost));
  Bytes secret = to_bytes(keys.identity);
  append(secret, keys.person);
  out.resize(kSize);
  ::crypto_secretbox_easy(out.data() + kHead, secret.data(), secret.size(), nonce.data(),
                          key.data());
  crypto::wipe(secret);
  crypto::wipe(key);
  return std::string(kPrefix) + to_hex(out) + "\n";
}

Result<ClosedIdentity> read_closed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 2 * kSize) return no_identity();
  const auto bytes = from_hex(text.substr(kPrefix.size()));
  if (!bytes) return no_identity();
  const ByteView view(*bytes);
  ClosedIdentity out;
  out.cost = {read_be<std::uint32_t>(view), read_be<std::uint32_t>(view.subspan(4))};
  if (out.cost.passes < 1 || out.cost.passes > kMostPasses || out.cost.mebibytes < 1 ||
      out.cost.mebibytes > kMostMebibytes)
    return no_identity();
  out.salt = *to_array<kSalt>(view.subspan(8, kSalt));
  out.nonce = *to_array<kNonce>(view.subspan(8 + kSalt, kNonce));
  out.box = to_bytes(view.subspan(kHead));
  return out;
}

Result<ExportedIdentity> open_identity(std::string_view text, std::string_view passphrase) {
  WEFT_TRY(const auto closed, read_closed(text));
  WEFT_TRY(auto key, stretch(passphrase, closed.salt, closed.cost));
  Bytes secret(kSecret);
  const bool opened =
      ::crypto_secretbox_open_easy(secret.data(), closed.box.data(), closed.box.size(),
                                   closed.nonce.data(), key.data()) == 0;
  crypto::wipe(key);
  if (!opened)
    return fail(Errc::AuthFailed, "the passphrase is another one, or the file is damaged");
  ExportedIdentity out;
  std::copy_n(secret.begin(), 32, out.identity.begin());
  std::copy_n(secret.begin() + 32, 32, out.person.begin());
  crypto::wipe(secret);
  return out;
}

}  // namespace weft::store
