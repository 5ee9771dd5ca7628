// What the primitives cost on this machine: the packet ciphers per full QUIC packet, ML-KEM,
// X25519, signatures, and a sealed datagram end to end.
#include <benchmark/benchmark.h>

#include "base/mlkem.hpp"
#include "base/packet_cipher.hpp"
#include "base/sealed.hpp"
#include "base/seeded_rng.hpp"

namespace weft {
namespace {

constexpr std::size_t kPacketPayload = 1424;

void set_packet_counters(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * kPacketPayload);
}

struct PacketSetup {
  PacketSetup(PacketCipherSuite suite, PacketCipherBackend backend) {
    const auto before = packet_cipher_backend();
    available = set_packet_cipher_backend(backend);
    SeededRng rng(1);
    Bytes key(key_size(suite));
    rng.fill(key);
    nonce = rng.bytes<12>();
    ad = rng.bytes<18>();
    packet.resize(kPacketPayload + PacketCipher::kTagSize);
    sealer = PacketCipher::create(suite, key, PacketCipher::Direction::Seal);
    opener = PacketCipher::create(suite, key, PacketCipher::Direction::Open);
    set_packet_cipher_backend(before);
  }
  void next_nonce() { ++nonce[11]; }

  bool available = false;
  ByteArray<12> nonce{};
  ByteArray<18> ad{};
  Bytes packet;
  std::unique_ptr<PacketCipher> sealer;
  std::unique_ptr<PacketCipher> opener;
};

void seal_packet(benchmark::State& state, PacketCipherSuite suite, PacketCipherBackend backend) {
  PacketSetup setup(suite, backend);
  if (!setup.available) return state.SkipWithError("not built in");
  for (auto _ : state) {
    setup.next_nonce();
    benchmark::DoNotOptimize(setup.sealer->seal(
        setup.packet, ByteView(setup.packet).first(kPacketPayload), setup.nonce, setup.ad));
  }
  set_packet_counters(state);
}

void open_packet(benchmark::State& state, PacketCipherSuite suite, PacketCipherBackend backend) {
  PacketSetup setup(suite, backend);
  if (!setup.available) return state.SkipWithError("not built in");
  setup.sealer->seal(setup.packet, ByteView(setup.packet).first(kPacketPayload), setup.nonce,
                     setup.ad);
  Bytes out(kPacketPayload);
  for (auto _ : state)
    if (!setup.opener->open(out, setup.packet, setup.nonce, setup.ad))
      return state.SkipWithError("does not open");
  set_packet_counters(state);
}

#define WEFT_PACKET_BENCH(name, suite, backend)                                                 \
  BENCHMARK_CAPTURE(seal_packet, name, PacketCipherSuite::suite, PacketCipherBackend::backend); \
  BENCHMARK_CAPTURE(open_packet, name, PacketCipherSuite::suite, PacketCipherBackend::backend)

WEFT_PACKET_BENCH(aes256gcm_openssl, Aes256Gcm, OpenSsl);
WEFT_PACKET_BENCH(aes256gcm_gcrypt, Aes256Gcm, Gcrypt);
WEFT_PACKET_BENCH(chacha20poly1305, ChaCha20Poly1305, OpenSsl);

void header_mask(benchmark::State& state, PacketCipherSuite suite) {
  const Bytes key(key_size(suite), 7);
  const auto protection = HeaderProtection::create(suite, key);
  ByteArray<16> sample{};
  ByteArray<5> mask{};
  for (auto _ : state) {
    ++sample[0];
    benchmark::DoNotOptimize(protection->mask(mask, sample));
  }
}
BENCHMARK_CAPTURE(header_mask, aes256, PacketCipherSuite::Aes256Gcm);
BENCHMARK_CAPTURE(header_mask, chacha20, PacketCipherSuite::ChaCha20Poly1305);

// One implementation through all three operations of a handshake.
void mlkem_handshake(benchmark::State& state) {
  SeededRng rng(2);
  const auto& kem = mlkem768::in_tree();
  auto seed = rng.bytes<64>();
  const auto m = rng.bytes<32>();
  for (auto _ : state) {
    ++seed[0];
    const auto pair = kem.from_seed(seed);
    if (!mlkem768::is_valid(pair.encapsulation_key)) return state.SkipWithError("invalid key");
    const auto sent = kem.encapsulate_with(pair.encapsulation_key, m);
    if (kem.decapsulate(pair.decapsulation_key, sent->ciphertext) != sent->secret)
      return state.SkipWithError("secrets differ");
  }
}
BENCHMARK(mlkem_handshake);

void mlkem_generate(benchmark::State& state) {
  auto seed = SeededRng(3).bytes<64>();
  for (auto _ : state) {
    ++seed[0];
    benchmark::DoNotOptimize(mlkem768::from_seed(seed));
  }
}
BENCHMARK(mlkem_generate);

void mlkem_encapsulate(benchmark::State& state) {
  SeededRng rng(4);
  const auto pair = mlkem768::generate(rng);
  const auto m = rng.bytes<32>();
  for (auto _ : state)
    benchmark::DoNotOptimize(mlkem768::encapsulate_with(pair.encapsulation_key, m));
}
BENCHMARK(mlkem_encapsulate);

void mlkem_decapsulate(benchmark::State& state) {
  SeededRng rng(5);
  const auto pair = mlkem768::generate(rng);
  const auto sent = mlkem768::encapsulate(pair.encapsulation_key, rng);
  for (auto _ : state)
    benchmark::DoNotOptimize(mlkem768::decapsulate(pair.decapsulation_key, sent->ciphertext));
}
BENCHMARK(mlkem_decapsulate);

void x25519_shared(benchmark::State& state) {
  SeededRng rng(6);
  const auto a = crypto::X25519KeyPair::generate(rng);
  const auto b = crypto::X25519KeyPair::generate(rng);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::x25519(a.secret, b.public_key));
}
BENCHMARK(x25519_shared);

void x25519_public(benchmark::State& state) {
  SeededRng rng(7);
  const auto secret = rng.bytes<32>();
  for (auto _ : state) benchmark::DoNotOptimize(crypto::X25519KeyPair::from_secret(secret));
}
BENCHMARK(x25519_public);

void certificate_decode(benchmark::State& state) {
  SeededRng rng(8);
  const auto identity = Identity::generate(rng);
  const Bytes encoded = Certificate::issue(identity, {}, rng.bytes<32>(), 1, 1'000'000).encode();
  for (auto _ : state) benchmark::DoNotOptimize(Certificate::decode(encoded));
}
BENCHMARK(certificate_decode);

void hmac_sha256_64_bytes(benchmark::State& state) {
  const ByteArray<32> key{1};
  const Bytes input(64, 2);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::hmac_sha256(key, input));
}
BENCHMARK(hmac_sha256_64_bytes);

// A padded request under a cached key: seal, or gate and open.
struct SealedSetup {
  SealedSetup() {
    SeededRng rng(9);
    const auto a = crypto::X25519KeyPair::generate(rng);
    const auto b = crypto::X25519KeyPair::generate(rng);
    key = *sealed::real_crypto().shared_key(a.secret, b.public_key, {});
    message.body = body;
    message.nonce = rng.bytes<24>();
    message.sender_static = a.public_key;
    message.pad_to = sealed::kPaddedRequest;
    direction.receiver.bytes[0] = 1;
  }
  Bytes seal() {
    return sealed::seal(sealed::real_crypto(), key, gate, direction, message).value();
  }
  Bytes body = Bytes(120, 3);
  sealed::SharedKey key{};
  sealed::GateKey gate{};
  sealed::Direction direction;
  sealed::Outgoing message;
};

void sealed_seal(benchmark::State& state) {
  SealedSetup setup;
  for (auto _ : state) benchmark::DoNotOptimize(setup.seal());
}
BENCHMARK(sealed_seal);

void sealed_open(benchmark::State& state) {
  SealedSetup setup;
  const Bytes datagram = setup.seal();
  for (auto _ : state) {
    const auto in = sealed::parse(datagram);
    if (!sealed::gate_matches(sealed::real_crypto(), setup.gate, *in))
      return state.SkipWithError("gate");
    if (!sealed::open(sealed::real_crypto(), setup.key, setup.direction, *in, 0))
      return state.SkipWithError("does not open");
  }
}
BENCHMARK(sealed_open);

void sealed_wrong_gate(benchmark::State& state) {
  SealedSetup setup;
  const Bytes datagram = setup.seal();
  const sealed::GateKey other{1};
  for (auto _ : state) {
    const auto in = sealed::parse(datagram);
    benchmark::DoNotOptimize(sealed::gate_matches(sealed::real_crypto(), other, *in));
  }
}
BENCHMARK(sealed_wrong_gate);

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  weft::crypto::initialise();  // lets libsodium pick its fastest code
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
