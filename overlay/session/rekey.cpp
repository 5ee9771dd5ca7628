#include "overlay/session/rekey.hpp"

namespace weft::session {

namespace {

constexpr std::uint8_t kAsk = 1;
constexpr std::uint8_t kAnswer = 2;

}  // namespace

Rekey::~Rekey() {
  crypto::wipe(own_.secret);
  applied();
}

std::unique_ptr<noise::Handshake> Rekey::start(bool initiator, Rng& rng) const {
  noise::Params params;
  params.pattern = &noise::kIkHfs;
  params.initiator = initiator;
  params.prologue = to_bytes(bytes_of("weft rekey v1"));
  append(params.prologue, binding_);
  params.s = own_;
  if (initiator) params.rs = peer_;
  return std::make_unique<noise::Handshake>(std::move(params), rng);
}

void Rekey::keep(noise::Handshake& noise, std::uint64_t generation) {
  const auto secrets = noise.split();
  fresh_ = {secrets[0], secrets[1]};
  generation_ = generation;
}

void Rekey::applied() {
  crypto::wipe(fresh_.client);
  crypto::wipe(fresh_.server);
  generation_.reset();
}

noise::Outcome<Bytes> Rekey::ask(Rng& rng) {
  noise_ = start(true, rng);
  auto message = noise_->write({});
  if (!message) return message;
  message->insert(message->begin(), kAsk);
  return message;
}

noise::Outcome<Bytes> Rekey::answer(ByteView message, std::uint64_t prepared, Rng& rng) {
  if (message.empty() || message[0] != kAsk) return std::unexpected(noise::Fault::Malformed);
  if (generation_) return std::unexpected(noise::Fault::State);
  auto noise = start(false, rng);
  if (auto read = noise->read(message.subspan(1)); !read) return std::unexpected(read.error());
  if (noise->remote_static() != peer_) return std::unexpected(noise::Fault::Auth);
  Bytes payload;
  append_be(payload, prepared + kLead);
  auto reply = noise->write(payload);
  if (!reply) return reply;
  keep(*noise, prepared + kLead);
  reply->insert(reply->begin(), kAnswer);
  return reply;
}

noise::Outcome<void> Rekey::take_answer(ByteView message, std::uint64_t prepared) {
  if (message.empty() || message[0] != kAnswer) return std::unexpected(noise::Fault::Malformed);
  if (!noise_) return std::unexpected(noise::Fault::State);
  auto payload = noise_->read(message.subspan(1));
  if (!payload) return std::unexpected(payload.error());
  if (payload->size() != 8) return std::unexpected(noise::Fault::Malformed);
  const auto generation = read_be<std::uint64_t>(*payload);
  if (generation <= prepared || generation > prepared + 16)
    return std::unexpected(noise::Fault::State);
  keep(*noise_, generation);
  noise_.reset();
  return {};
}

}  // namespace weft::session
