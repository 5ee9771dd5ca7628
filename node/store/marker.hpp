// home.seal, beside the keys: whose home this is, and how far its databases had come when a change
// was last acknowledged. It is what notices that a database, its write-ahead log or a key is gone
// or from another time.
//
// Two slots, written in turn, each with a MAC: a write cut by a power failure leaves the other.
// Bytes in docs/wire/state.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/node_id.hpp"
#include "node/store/seal.hpp"
#include "node/store/vfs_file.hpp"

namespace weft::store {

struct Marker {
  enum class Phase : std::uint8_t {
    Whole = 0,     // everything must be there
    Fresh = 1,     // a new home is being made: what is missing is made
    Adopting = 2,  // a home of before the seals is being taken over
  };
  Phase phase = Phase::Whole;
  std::uint8_t schema = 0;  // of both databases
  std::uint64_t trust = 0;  // generations
  std::uint64_t state = 0;
  NodeId node;
  crypto::Key32 person{};  // public key
  NetworkId network;       // the current one; zero: none

  bool operator==(const Marker&) const = default;
};

inline constexpr std::size_t kMarkerSlot = 4096;  // a slot's place; no sector holds two
inline constexpr std::size_t kMarkerSize = 168;   // bytes written of each

[[nodiscard]] Bytes encode(const Marker& marker, std::uint64_t turn, const Sealer& sealer);
// Without the MAC: only to say in a message whose marker this is.
[[nodiscard]] std::optional<Marker> peek_marker(ByteView slot);

class MarkerFile {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MarkerFile>> open(const std::filesystem::path& path,
                                                                const std::string& vfs);
  // The newest slot that is whole, or nothing.
  [[nodiscard]] std::optional<Marker> read(const Sealer& sealer);
  [[nodiscard]] std::optional<Marker> peek();
  // One slot is damaged: a write was cut, or the file was changed.
  [[nodiscard]] bool half() const { return half_; }
  [[nodiscard]] Result<void> write(const Marker& marker, const Sealer& sealer, bool& flush_failed);

 private:
  explicit MarkerFile(std::unique_ptr<VfsFile> file) : file_(std::move(file)) {}

  std::unique_ptr<VfsFile> file_;
  std::uint64_t turn_ = 0;  // of the newest slot; its parity says which
  bool half_ = false;
};

}  // namespace weft::store
