#include "overlay/credential/credential.hpp"

#include <algorithm>
#include <utility>

namespace weft::overlay {

namespace {

// Keys of Table::Network.
constexpr std::string_view kStatic = "static";      // secret 32 | certificate
constexpr std::string_view kPrevious = "previous";  // the static key before, until its not_after
constexpr Table kTables[] = {Table::Network};

Bytes encode(const StaticCredential& credential) {
  Bytes out = to_bytes(credential.key.secret);
  append(out, credential.certificate.encode());
  return out;
}

Result<StaticCredential> decode(ByteView bytes) {
  if (bytes.size() < 32) return fail(Errc::Malformed, "static key: too short");
  WEFT_TRY(const auto secret, to_array<32>(bytes.first(32)));
  WEFT_TRY(const auto certificate, Certificate::decode(bytes.subspan(32)));
  return StaticCredential{crypto::X25519KeyPair::from_secret(secret), certificate};
}

Row row_of(const NetworkId& network, std::string_view key, const StaticCredential& credential) {
  return {Table::Network, network, to_bytes(bytes_of(key)), encode(credential)};
}

}  // namespace

StaticCredential Credential::issue(const Identity& identity, const NetworkId& network, Rng& rng,
                                   UnixTime now, std::uint64_t last_epoch) {
  const auto key = crypto::X25519KeyPair::generate(rng);
  const auto epoch = std::max(last_epoch + 1, static_cast<std::uint64_t>(now));
  return {key, Certificate::issue(identity, network, key.public_key, epoch, now)};
}

void Credential::begin(Instant now, std::optional<StaticCredential> first) {
  next_look_ = now + kCredentialLook;
  if (first)
    current_ = *first;
  else if (current_.certificate.epoch == 0)
    current_ = issue(beside_.config.identity, beside_.network(), beside_.rng, wall(now), 0);
}

Interests Credential::interests() const { return {.tables = kTables}; }

Result<void> Credential::load(const Row& row) {
  if (text_of(row.key) == kStatic) {
    WEFT_TRY(current_, decode(*row.value));
  } else if (text_of(row.key) == kPrevious) {
    WEFT_TRY(previous_, decode(*row.value));
  }
  return {};
}

void Credential::handle_timeout(Instant now) {
  if (next_look_ && now >= *next_look_) rotate_if_due(now);
}

void Credential::rotate_if_due(Instant now) {
  next_look_ = now + kCredentialLook;
  const UnixTime time = wall(now);
  const auto& certificate = current_.certificate;
  // Issued while the clock ran ahead: nobody takes it before its time.
  const bool early = time + kClockSkew < certificate.not_before;
  if (!early && time < certificate.not_before + kCertificateRotation &&
      time < certificate.not_after)
    return;
  if (next_) return;
  next_ = issue(beside_.config.identity, beside_.network(), beside_.rng, time, certificate.epoch);
  store(
      {row_of(beside_.network(), kStatic, *next_), row_of(beside_.network(), kPrevious, current_)},
      [this](Instant, const Result<void>&) {
        previous_ = std::exchange(current_, *std::exchange(next_, std::nullopt));
      });
}

std::vector<Row> Credential::rows_of(const NetworkId& network, const StaticCredential& current,
                                     const std::optional<StaticCredential>& previous) {
  std::vector<Row> rows{row_of(network, kStatic, current)};
  if (previous) rows.push_back(row_of(network, kPrevious, *previous));
  return rows;
}

}  // namespace weft::overlay
