#include "node/store/marker.hpp"

namespace weft::store {
namespace {

constexpr std::string_view kMagic = "weftseal";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSealed = kMarkerSize - 32;  // bytes below the MAC

std::uint64_t turn_of(ByteView slot) { return read_be<std::uint64_t>(slot.subspan(16)); }

}  // namespace

Bytes encode(const Marker& marker, std::uint64_t turn, const Sealer& sealer) {
  Bytes out = to_bytes(bytes_of(kMagic));
  out.push_back(kVersion);
  out.push_back(static_cast<std::uint8_t>(marker.phase));
  out.push_back(marker.schema);
  out.resize(16);
  append_be(out, turn);
  append_be(out, marker.trust);
  append_be(out, marker.state);
  append(out, marker.node.view());
  append(out, marker.person);
  append(out, marker.network.view());
  append(out, sealer.marker(out));
  return out;
}

std::optional<Marker> peek_marker(ByteView slot) {
  if (slot.size() != kMarkerSize || text_of(slot.first(8)) != kMagic || slot[8] != kVersion ||
      slot[9] > static_cast<std::uint8_t>(Marker::Phase::Adopting))
    return std::nullopt;
  Marker out;
  out.phase = static_cast<Marker::Phase>(slot[9]);
  out.schema = slot[10];
  out.trust = read_be<std::uint64_t>(slot.subspan(24));
  out.state = read_be<std::uint64_t>(slot.subspan(32));
  out.node = NodeId{*to_array<32>(slot.subspan(40, 32))};
  out.person = *to_array<32>(slot.subspan(72, 32));
  out.network = NetworkId{*to_array<32>(slot.subspan(104, 32))};
  return out;
}

Result<std::unique_ptr<MarkerFile>> MarkerFile::open(const std::filesystem::path& path,
                                                     const std::string& vfs) {
  WEFT_TRY(auto file, VfsFile::open(path, vfs));
  return std::unique_ptr<MarkerFile>(new MarkerFile(std::move(file)));
}

std::optional<Marker> MarkerFile::read(const Sealer& sealer) {
  std::optional<Marker> newest;
  turn_ = 0;
  half_ = false;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto slot = file_->read(i * kMarkerSlot, kMarkerSize);
    const auto marker = peek_marker(slot);
    const bool whole = marker && turn_of(slot) % 2 == i &&
                       crypto::equal_constant_time(sealer.marker(ByteView(slot).first(kSealed)),
                                                   ByteView(slot).subspan(kSealed));
    const bool untouched = std::ranges::all_of(slot, [](std::uint8_t b) { return b == 0; });
    half_ |= !whole && !untouched;
    if (!whole || (newest && turn_of(slot) < turn_)) continue;
    turn_ = turn_of(slot);
    newest = marker;
  }
  return newest;
}

std::optional<Marker> MarkerFile::peek() {
  for (std::size_t i = 0; i < 2; ++i)
    if (auto marker = peek_marker(file_->read(i * kMarkerSlot, kMarkerSize))) return marker;
  return std::nullopt;
}

Result<void> MarkerFile::write(const Marker& marker, const Sealer& sealer, bool& flush_failed) {
  const auto turn = turn_ + 1;
  const auto bytes = encode(marker, turn, sealer);
  WEFT_CHECK(file_->write(turn % 2 * kMarkerSlot, bytes, flush_failed));
  turn_ = turn;  // only now: what failed is written into the same slot again
  half_ = false;
  return {};
}

}  // namespace weft::store
