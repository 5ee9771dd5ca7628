#include "overlay/session/packet_opener.hpp"

#include <algorithm>
#include <utility>

namespace weft::session {

namespace {
constexpr std::size_t kNumberAt = PacketCipher::kNonceSize - sizeof(std::uint64_t);
}

bool ReplayWindow::seen(std::uint64_t number) {
  const std::uint64_t word = number / 64;
  if (number > newest_) {
    const std::uint64_t passed = std::min(word - newest_ / 64, kWords);
    for (std::uint64_t i = 0; i < passed; ++i) noted_[(word - i) % kWords] = 0;
    newest_ = number;
  } else if (newest_ - number >= kReach) {
    return false;
  }
  std::uint64_t& bits = noted_[word % kWords];
  const std::uint64_t bit = 1ull << (number % 64);
  return (std::exchange(bits, bits | bit) & bit) != 0;
}

PacketOpener::PacketOpener(std::unique_ptr<PacketCipher> cipher, const ByteArray<kNonceSize>& iv,
                           OpeningCounters& counters, PacketNews* news)
    : cipher_(std::move(cipher)),
      iv_(read_be<std::uint64_t>(ByteView(iv).subspan(kNumberAt))),
      counters_(counters),
      news_(news) {}

bool PacketOpener::seal(MutableByteView, ByteView, ByteView, ByteView) { return false; }

bool PacketOpener::open(MutableByteView out, ByteView ciphertext, ByteView nonce, ByteView ad) {
  if (!cipher_->open(out, ciphertext, nonce, ad)) {
    ++counters_.packets_unopened;
    return false;
  }
  const auto number = read_be<std::uint64_t>(nonce.subspan(kNumberAt)) ^ iv_;
  if (window_.seen(number)) {
    ++counters_.packets_replayed;
  } else if (news_ && window_.judges(number)) {
    news_->opened = true;
    news_->number = number;
    news_->acks = leading_ack(out);
  }
  return true;
}

PacketSealer::PacketSealer(std::unique_ptr<PacketCipher> cipher, const ByteArray<kNonceSize>& iv,
                           PacketNews& news)
    : cipher_(std::move(cipher)),
      iv_(read_be<std::uint64_t>(ByteView(iv).subspan(kNumberAt))),
      news_(news) {}

bool PacketSealer::seal(MutableByteView out, ByteView plaintext, ByteView nonce, ByteView ad) {
  if (!cipher_->seal(out, plaintext, nonce, ad)) return false;
  news_.sealed = read_be<std::uint64_t>(nonce.subspan(kNumberAt)) ^ iv_;
  return true;
}

bool PacketSealer::open(MutableByteView, ByteView, ByteView, ByteView) { return false; }

}  // namespace weft::session
