// Streams in memory for tests: what is written can be read, what the far side says is put in by
// hand.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "overlay/service/stream_open.hpp"
#include "overlay/streams/outlet.hpp"
#include "overlay/streams/stream_io.hpp"
#include "tests/service/fake_members.hpp"

namespace weft::overlay {

class FakeIo final : public StreamIo {
 public:
  std::map<StreamKey, Bytes> written, coming;
  std::set<StreamKey> finished, ended, accepted;  // ended: the far side says no more
  std::map<StreamKey, std::uint64_t> resets;
  std::vector<std::pair<session::SessionId, Bytes>> messages;
  std::optional<Error> message_error;
  bool full = false;  // no stream can be opened

  std::optional<StreamKey> open(Instant, session::SessionId session) override {
    if (full) return std::nullopt;
    return StreamKey{session, next_ += 4};
  }
  void write(Instant, const StreamKey& key, ByteView bytes) override {
    append(written[key], bytes);
  }
  void finish(Instant, const StreamKey& key) override { finished.insert(key); }
  void reset(Instant, const StreamKey& key, std::uint64_t code) override { resets[key] = code; }
  void accept(const StreamKey& key) override { accepted.insert(key); }
  ByteView readable(const StreamKey& key) const override {
    const auto at = coming.find(key);
    return at == coming.end() ? ByteView{} : ByteView(at->second);
  }
  bool read_finished(const StreamKey& key) const override {
    return ended.contains(key) && readable(key).empty();
  }
  void consume(Instant, const StreamKey& key, std::size_t size) override {
    auto& bytes = coming.at(key);
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  }
  Result<void> send_message(Instant, const StreamKey& key, ByteView frame) override {
    if (message_error) return std::unexpected(*message_error);
    messages.emplace_back(key.session, to_bytes(frame));
    return {};
  }

  void ask(const StreamKey& key, const std::string& service) {
    append(coming[key], service::StreamRequest{service::StreamKind::Service, service}.encode());
  }
  void answer(const StreamKey& key, service::OpenStatus status, const std::string& detail = {}) {
    append(coming[key], service::StreamResponse{status, detail}.encode());
  }
  // What we answered on that stream.
  std::optional<service::OpenStatus> status(const StreamKey& key) {
    const auto parsed = service::parse_response(written[key]);
    return parsed && *parsed ? std::optional((*parsed)->message.status) : std::nullopt;
  }

 private:
  session::StreamId next_ = 0;
};

// The outputs of rooms, taken apart.
struct FakeOutlet {
  std::deque<Output> outputs;
  Outlet out{outputs};

  // Events of that kind since the last call; the others stay.
  template <class Event>
  std::vector<Event> take() {
    std::vector<Event> found;
    std::erase_if(outputs, [&](const Output& output) {
      const auto* event = std::get_if<OverlayEvent>(&output);
      const auto* match = event == nullptr ? nullptr : std::get_if<Event>(event);
      if (match != nullptr) found.push_back(*match);
      return match != nullptr;
    });
    return found;
  }
  // The disk takes (or refuses) all that was asked to be stored; the number of rows.
  std::size_t store(Instant now, const Result<void>& result = {}) {
    std::vector<Store> batches;
    std::erase_if(outputs, [&](Output& output) {
      auto* store = std::get_if<Store>(&output);
      if (store != nullptr) batches.push_back(std::move(*store));
      return store != nullptr;
    });
    std::size_t rows = 0;
    for (const auto& batch : batches) {
      rows += batch.rows.size();
      if (batch.then) batch.then(now, result);
    }
    return rows;
  }
  std::vector<NodeId> wanted() {
    std::vector<NodeId> nodes;
    std::erase_if(outputs, [&](const Output& output) {
      const auto* want = std::get_if<Want>(&output);
      if (want != nullptr) nodes.push_back(want->node);
      return want != nullptr;
    });
    return nodes;
  }
};

}  // namespace weft::overlay
