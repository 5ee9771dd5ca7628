// How a Byzantine node misbehaves. It runs the honest core and spoils its replies on their way out:
//   mute    answers pings and takes stores, so that it stays in every table, but gives nothing back
//   lying   answers everything, but names only its accomplices, whichever, and hides every record
//   cunning the same, but names those of its accomplices that are nearest to what was asked for
//   deaf    answers nothing, yet keeps asking, so that it is heard of
// Sybils are such nodes with ids mined next to a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dht/contact_book.hpp"
#include "overlay/post/sealer.hpp"

namespace weft::sim {

enum class FaultKind : std::uint8_t { None, Mute, Lying, Cunning, Deaf };

std::optional<FaultKind> fault_named(std::string_view name);

struct Fault {
  FaultKind kind = FaultKind::None;
  Instant from{};
};

// Sits between a core and its sealer and spoils replies. Requests pass untouched.
class FaultySealer final : public post::Sealer {
 public:
  FaultySealer(post::Sealer& inner, Fault fault, const dht::ContactBook& book,
               const std::vector<dht::ContactHandle>& accomplices)
      : inner_(inner), fault_(fault), book_(book), accomplices_(accomplices) {}

  void set_time(Instant now) { now_ = now; }

  [[nodiscard]] std::size_t overhead(bool reply, bool hello) const override {
    return inner_.overhead(reply, hello);
  }
  [[nodiscard]] bool proven(const dht::Contact& contact) const override {
    return inner_.proven(contact);
  }
  std::size_t seal(const dht::Contact& to, const dht::ToSeal& message,
                   MutableByteView out) override;
  std::optional<dht::Unsealed> open(Instant now, ByteView datagram) override;
  [[nodiscard]] std::uint64_t mac(const ByteArray<16>& key, ByteView message) const override {
    return inner_.mac(key, message);
  }

 private:
  [[nodiscard]] std::size_t seal_lie(const dht::Contact& to, dht::ToSeal message,
                                     MutableByteView out);
  // The accomplices to name, best first.
  [[nodiscard]] std::vector<dht::ContactHandle> named(const dht::ToSeal& message,
                                                      std::size_t count) const;

  post::Sealer& inner_;
  Fault fault_;
  const dht::ContactBook& book_;
  const std::vector<dht::ContactHandle>& accomplices_;
  Instant now_{};
  // What the last requests were about, by their nonce: a reply does not say.
  std::vector<std::pair<dht::Nonce, NodeId>> asked_;
};

}  // namespace weft::sim
