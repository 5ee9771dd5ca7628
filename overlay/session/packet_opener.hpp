// The opening half of a packet key, with a memory: ngtcp2 drops a packet that does not open, and
// one it had before, without a word, so that both are counted here (security.md, N08).
//
// A count and no gate: what counts as new is ngtcp2's to say. A packet number more than 960 behind
// the newest is not judged. The window is that of RFC 6479, 128 bytes for each key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/packet_cipher.hpp"
#include "overlay/session/ack_frame.hpp"
#include "overlay/session/counters.hpp"

namespace weft::session {

class ReplayWindow {
 public:
  static constexpr std::uint64_t kReach = 960;

  // Notes the number; true: it was noted before. False for what is out of reach.
  bool seen(std::uint64_t number);
  [[nodiscard]] bool judges(std::uint64_t number) const { return number + kReach > newest_; }

 private:
  static constexpr std::uint64_t kWords = 16;
  static_assert(kReach == (kWords - 1) * 64);
  std::uint64_t newest_ = 0;
  std::array<std::uint64_t, kWords> noted_{};
};

// What the packets of 1-RTT keys tell beside their contents; reset by who reads it.
struct PacketNews {
  bool opened = false;                  // one verified, and it is not a repeat
  std::uint64_t number = 0;             // of the last one that did
  AckRanges acks;                       // as it says
  std::optional<std::uint64_t> sealed;  // the number of the packet sealed last
};

class PacketOpener final : public PacketCipher {
 public:
  // `counters` and `news`, if any, outlive it.
  PacketOpener(std::unique_ptr<PacketCipher> cipher, const ByteArray<kNonceSize>& iv,
               OpeningCounters& counters, PacketNews* news = nullptr);

  bool seal(MutableByteView out, ByteView plaintext, ByteView nonce, ByteView ad) override;
  bool open(MutableByteView out, ByteView ciphertext, ByteView nonce, ByteView ad) override;

 private:
  std::unique_ptr<PacketCipher> cipher_;
  std::uint64_t iv_;  // its last eight bytes: RFC 9001 5.3 hides the packet number under them
  ReplayWindow window_;
  OpeningCounters& counters_;
  PacketNews* news_;
};

// The sealing half: notes the packet's number, which ngtcp2 keeps to itself.
class PacketSealer final : public PacketCipher {
 public:
  PacketSealer(std::unique_ptr<PacketCipher> cipher, const ByteArray<kNonceSize>& iv,
               PacketNews& news);

  bool seal(MutableByteView out, ByteView plaintext, ByteView nonce, ByteView ad) override;
  bool open(MutableByteView out, ByteView ciphertext, ByteView nonce, ByteView ad) override;

 private:
  std::unique_ptr<PacketCipher> cipher_;
  std::uint64_t iv_;
  PacketNews& news_;
};

}  // namespace weft::session
