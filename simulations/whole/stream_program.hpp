// The two programs at the ends of a stream, in memory: the client says who it is and how many bytes
// go each way, then both send bytes that follow from the transfer's number, and check each byte
// that comes against what it must be. So a byte that is lost, doubled or changed is seen at once.
//
// On the stream: number u64 | up u64 | down u64, big-endian, then `up` bytes; back: `down` bytes.
// Each side ends its half behind its last byte.
#pragma once

#include <optional>

#include "overlay/overlay.hpp"

namespace weft::sim {

struct Transfer {
  std::uint64_t number = 0;
  std::uint64_t up = 0;    // from the client
  std::uint64_t down = 0;  // to it
};

enum class TransferEnd : std::uint8_t {
  Done,
  Broken,  // a byte was not what it had to be
  Short,   // the far side ended before all had come
  Long,    // more came than was announced
  Reset,   // given up: no breach
};

class StreamProgram {
 public:
  static StreamProgram client(const Transfer& transfer);
  static StreamProgram server();

  // Moves what can be moved now; again on DataReadable and DataWritable.
  void pump(Instant now, session::SessionLayer& sessions, const overlay::StreamKey& key);
  void reset() {
    if (!end_) end_ = TransferEnd::Reset;
  }
  [[nodiscard]] std::optional<TransferEnd> end() const { return end_; }
  [[nodiscard]] bool is_client() const { return client_; }
  [[nodiscard]] const Transfer& transfer() const { return transfer_; }
  [[nodiscard]] std::uint64_t received() const { return received_; }

  // For tests of the checkers: from then on each byte is the one before it.
  void double_a_byte() { slip_ = 1; }

 private:
  static constexpr std::size_t kHeader = 24;
  void receive(Instant now, session::SessionLayer& sessions, const overlay::StreamKey& key);
  void send(Instant now, session::SessionLayer& sessions, const overlay::StreamKey& key);
  void take(ByteView bytes);

  bool client_ = false;
  bool known_ = false;  // what the transfer is
  Transfer transfer_;
  Bytes header_;
  std::uint64_t received_ = 0;  // behind the header
  std::uint64_t sent_ = 0;
  std::uint64_t slip_ = 0;
  bool finished_ = false;  // our half
  bool ended_ = false;     // theirs
  std::optional<TransferEnd> end_;
};

}  // namespace weft::sim
