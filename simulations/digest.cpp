#include "simulations/digest.hpp"

#include <openssl/evp.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kRow = 18;
constexpr std::size_t kBlock = 1 << 18;
constexpr std::size_t kWaiting = 8;
struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;
}  // namespace

struct Digest::State {
  Context context{EVP_MD_CTX_new()};
  // With a thread: full blocks wait here, at most kWaiting of them.
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Bytes> waiting;
  bool busy = false;
  bool stop = false;
  std::thread thread;
};

Digest::Digest(bool own_thread) : state_(std::make_unique<State>()) {
  WEFT_ASSERT(state_->context &&
              EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
  buffer_.reserve(kBlock + kRow + 65536);
  if (own_thread) state_->thread = std::thread([this] { work(); });
}

Digest::~Digest() {
  if (!state_->thread.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void Digest::add(Instant at, std::uint32_t from, std::uint32_t to, ByteView bytes) {
  const std::size_t start = buffer_.size();
  buffer_.resize(start + kRow + bytes.size());
  std::uint8_t* out = buffer_.data() + start;
  const auto put = [&](std::uint64_t value, int size) {
    for (int shift = 8 * size - 8; shift >= 0; shift -= 8)
      *out++ = static_cast<std::uint8_t>(value >> shift);
  };
  put(static_cast<std::uint64_t>(at.time_since_epoch().count()), 8);
  put(from, 4);
  put(to, 4);
  put(bytes.size(), 2);
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  ++datagrams_;
  if (buffer_.size() >= kBlock) flush();
}

void Digest::hash(const Bytes& block) {
  WEFT_ASSERT(EVP_DigestUpdate(state_->context.get(), block.data(), block.size()) == 1);
}

void Digest::flush() {
  if (!state_->thread.joinable()) {
    hash(buffer_);
    buffer_.clear();
    return;
  }
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->waiting.size() < kWaiting; });
  state_->waiting.push_back(std::move(buffer_));
  lock.unlock();
  state_->changed.notify_all();
  buffer_ = {};
  buffer_.reserve(kBlock + kRow + 65536);
}

void Digest::work() {
  std::unique_lock lock(state_->mutex);
  for (;;) {
    state_->changed.wait(lock, [&] { return state_->stop || !state_->waiting.empty(); });
    if (state_->waiting.empty()) return;
    const Bytes block = std::move(state_->waiting.front());
    state_->waiting.pop_front();
    state_->busy = true;
    lock.unlock();
    hash(block);
    lock.lock();
    state_->busy = false;
    state_->changed.notify_all();
  }
}

std::string Digest::hex() {
  flush();
  if (state_->thread.joinable()) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->waiting.empty() && !state_->busy; });
  }
  const Context copy{EVP_MD_CTX_new()};
  ByteArray<32> hash{};
  WEFT_ASSERT(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1 &&
              EVP_DigestFinal_ex(copy.get(), hash.data(), nullptr) == 1);
  return to_hex(hash);
}

}  // namespace weft::sim
