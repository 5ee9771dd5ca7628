#include "overlay/punch/offer.hpp"

#include "base/assert.hpp"
#include "base/wire.hpp"

namespace weft::punch {

namespace {
constexpr std::size_t kFields = 7;  // that must be there
constexpr std::size_t kAll = 9;

// The numbers on the wire are those of nat/behaviour.hpp; others mean nothing known.
NatWord nat_word(std::uint64_t mapping, std::uint64_t filtering) {
  NatWord out;
  if (mapping <= static_cast<std::uint64_t>(nat::Mapping::Dependent))
    out.mapping = static_cast<nat::Mapping>(mapping);
  if (filtering <= static_cast<std::uint64_t>(nat::Filtering::ByAddressAndPort))
    out.filtering = static_cast<nat::Filtering>(filtering);
  return out;
}
}  // namespace

Bytes encode(const Offer& offer) {
  WEFT_ASSERT(offer.addresses.size() <= nat::kMostCandidates);
  wire::Writer out;
  out.array(kAll).uint(kOfferType).bin(offer.attempt).boolean(offer.answer);
  out.uint(static_cast<std::uint64_t>(offer.opener));
  out.bin(offer.key.name).bin(offer.key.password);
  write_addresses(out, offer.addresses, nat::kMostCandidates);
  out.uint(static_cast<std::uint64_t>(offer.nat.mapping));
  out.uint(static_cast<std::uint64_t>(offer.nat.filtering));
  return out.take();
}

Bytes frame(const Offer& offer) {
  const Bytes body = encode(offer);
  Bytes out;
  append_be(out, static_cast<std::uint16_t>(body.size()));
  append(out, body);
  return out;
}

Result<Offer> decode_offer(ByteView body) {
  auto in = wire::Reader::lenient(body);
  WEFT_TRY(const auto size, in.array(64));
  if (size == 0) return fail(Errc::Malformed, "punch: an empty message");
  WEFT_TRY(const auto type, in.uint());
  if (type != kOfferType) return fail(Errc::Unsupported, "punch: a message of another version");
  if (size < kFields) return fail(Errc::Malformed, "punch: an offer that is cut short");
  Offer out;
  WEFT_TRY(out.attempt, in.fixed<8>());
  WEFT_TRY(out.answer, in.boolean());
  WEFT_TRY(const auto opener, in.uint());
  if (opener == 1 || opener == 2) out.opener = static_cast<Opener>(opener);
  WEFT_TRY(out.key.name, in.fixed<8>());
  WEFT_TRY(out.key.password, in.fixed<16>());
  WEFT_TRY(out.addresses, read_addresses(in, nat::kMostCandidates));
  if (size < kAll) return out;
  WEFT_TRY(const auto mapping, in.uint());
  WEFT_TRY(const auto filtering, in.uint());
  out.nat = nat_word(mapping, filtering);
  return out;
}

}  // namespace weft::punch
