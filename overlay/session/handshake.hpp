// The handshake that takes TLS's place: Noise messages as CRYPTO messages, certificates judged.
//
//   message  = type u8 | length u16 | body, at most 4096 bytes of body
//   1 hello  = form u8 (0 IK, 1 XX) | mode u8 (0 member, 1 join) | n u8 | n packet ciphers
//              | Noise 1
//   2 reply  = packet cipher u8 | Noise 2
//   3 finish = XX: Noise 3; IK: confirm = HMAC-SHA256(HKDF(ck, "weft fin"), h)
//   4 ready  = empty, responder, Handshake level
//   payload  = msgpack [transport parameters, certificate, roster seq, roster head, cipher, time],
//              later elements ignored; XX message 1 carries transport parameters only, in clear
//   prologue = "weft/1" | QUIC version u32 | network 32 | mode u8 | responder's Ed25519 key (IK) or
//              zeros (XX) | length u8 | Noise name | n u8 | offered ciphers
//
// Invariants
//  1. No peer identity is reported before its Noise message and certificate have verified.
//  2. Every failure is exactly one HandshakeFault; after one the object is of no further use.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "overlay/session/noise.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::session {

enum class HandshakeFault : std::uint8_t {
  NoiseAuth = 1,
  Suite,
  BadKey,
  BadKemKey,
  Malformed,
  CertMalformed,
  CertSignature,
  CertNetwork,
  CertExpired,
  CertStaticMismatch,
  CertEpoch,
  CertRemoved,
  CertUnknown,
  CertIdentity,
  CryptoBuffer,
};
inline constexpr std::uint8_t kLastHandshakeFault = 15;
std::string_view name_of(HandshakeFault fault);
// The counter that a fault moves by one.
std::uint64_t& counter_for(SessionCounters& counters, HandshakeFault fault);
// A TLS alert number's place in CONNECTION_CLOSE 0x100 + n: 0xe0 + fault.
std::uint8_t alert_of(HandshakeFault fault);
std::optional<HandshakeFault> fault_of_alert(std::uint64_t alert);

template <class T>
using Step = std::expected<T, HandshakeFault>;

enum class MessageType : std::uint8_t { Hello = 1, Reply = 2, Finish = 3, Ready = 4 };
inline constexpr std::size_t kMaxMessageBody = 4096;
Bytes frame_message(MessageType type, ByteView body);

// Cuts a CRYPTO stream into messages; holds at most one incomplete message.
class MessageReader {
 public:
  MessageReader() = default;
  explicit MessageReader(std::size_t limit) : limit_(limit) {}
  struct Message {
    std::uint8_t type;
    Bytes body;
  };
  Step<void> feed(ByteView bytes);
  Step<std::optional<Message>> next();

 private:
  std::size_t limit_ = kMaxMessageBody;
  Bytes pending_;
};

struct HandshakePayload {
  Bytes transport;
  Bytes certificate;
  std::uint64_t roster_seq = 0;
  crypto::Hash roster_head{};
  std::uint64_t cipher = 0;
  std::uint64_t time = 0;  // the sender's clock, seconds since 1970; 0: not told

  [[nodiscard]] Bytes encode() const;
  static Step<HandshakePayload> decode(ByteView bytes);
};

struct HandshakeContext {
  const Identity& self;
  const TrustView& trust;
  Rng& rng;
  std::shared_ptr<const NetworkContext> network;
};

class Handshake {
 public:
  enum class Form : std::uint8_t { Ik = 0, Xx = 1 };

  // Initiator: `expected` is whom we dial. `static_key` makes it IK.
  Handshake(HandshakeContext context, const IdentityKey& expected,
            std::optional<crypto::Key32> static_key, bool join);
  explicit Handshake(HandshakeContext context);  // responder

  // Each returns the peer's transport parameters or a framed message to send.
  Step<Bytes> hello(ByteView transport, UnixTime now);
  Step<Bytes> on_hello(ByteView body, UnixTime now);
  Step<Bytes> reply(ByteView transport, UnixTime now);
  Step<Bytes> on_reply(ByteView body, UnixTime now);
  Step<Bytes> finish(UnixTime now);
  Step<void> on_finish(ByteView body, UnixTime now);

  [[nodiscard]] bool initiator() const { return initiator_; }
  [[nodiscard]] Form form() const { return form_; }
  [[nodiscard]] bool joining() const { return join_; }
  // In join mode, and the roster does not know it: let in only because a ticket is out.
  [[nodiscard]] bool stranger() const { return stranger_; }
  [[nodiscard]] PacketCipherSuite cipher() const { return cipher_; }
  // Initiator-to-responder first. REQUIRES: message 2 done.
  [[nodiscard]] std::array<crypto::Key32, 2> handshake_secrets() const;
  // REQUIRES: the last Noise message done.
  [[nodiscard]] std::array<crypto::Key32, 2> traffic_secrets() const { return noise_->split(); }
  [[nodiscard]] crypto::Hash channel_binding() const;
  [[nodiscard]] const std::optional<Certificate>& peer() const { return peer_; }
  // Whoever was refused as CertUnknown, its certificate otherwise in order.
  [[nodiscard]] const std::optional<Certificate>& unknown() const { return unknown_; }
  // Whoever was refused as CertExpired, its certificate otherwise in order.
  [[nodiscard]] const std::optional<Certificate>& untimely() const { return untimely_; }
  // Its clock minus ours in seconds; nothing: not told, or not proven yet.
  [[nodiscard]] const std::optional<std::int64_t>& clock_ahead() const { return clock_ahead_; }
  [[nodiscard]] std::uint64_t peer_roster_seq() const { return peer_roster_seq_; }
  [[nodiscard]] const crypto::Hash& peer_roster_head() const { return peer_roster_head_; }
  // The static key pair we proved possession of: a re-key runs with the same one.
  [[nodiscard]] const crypto::X25519KeyPair& own_static() const { return credential_.key; }

 private:
  Bytes prologue(ByteView offered) const;
  void start_noise(const StaticCredential& credential, ByteView offered);
  HandshakePayload own_payload(ByteView transport, bool identity, UnixTime now) const;
  Step<HandshakePayload> open(ByteView message);
  Step<void> judge(const HandshakePayload& payload, UnixTime now);
  Step<void> judge_membership(const Certificate& certificate, UnixTime now);
  Step<void> pick_cipher(ByteView offered);
  crypto::Hash confirm() const;

  HandshakeContext context_;
  bool initiator_;
  bool join_ = false;
  bool stranger_ = false;
  Form form_ = Form::Xx;
  IdentityKey expected_{};
  std::optional<crypto::Key32> expected_static_;
  StaticCredential credential_;
  Bytes offered_;
  PacketCipherSuite cipher_ = PacketCipherSuite::ChaCha20Poly1305;
  std::unique_ptr<noise::Handshake> noise_;
  std::optional<Certificate> peer_;
  std::optional<Certificate> unknown_;
  std::optional<Certificate> untimely_;
  std::optional<std::int64_t> clock_ahead_;
  std::uint64_t peer_roster_seq_ = 0;
  crypto::Hash peer_roster_head_{};
};

}  // namespace weft::session
