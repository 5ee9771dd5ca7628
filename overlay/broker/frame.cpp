#include "overlay/broker/frame.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/wire.hpp"
#include "overlay/broker/batch.hpp"

namespace weft::broker {

namespace {

enum Type : std::uint64_t {
  kPush = 1,
  kHave = 2,
  kPull = 3,
  kGone = 4,
  kPrune = 5,
  kConfirm = 6,
  kKept = 7,
  kValue = 8,
  kGiven = 9,
  kWithheld = 10,
};

struct Pack {
  wire::Writer& out;

  void operator()(const Push& m) const {
    out.array(4).uint(kPush).bin(m.batch).uint(static_cast<std::uint64_t>(m.want)).uint(m.hops);
  }
  void operator()(const Have& m) const {
    out.array(3).uint(kHave).array(m.entries.size());
    for (const auto& entry : m.entries)
      out.array(3).bin(entry.publisher.view()).uint(entry.epoch).uint(entry.high);
    out.uint(m.kept);
  }
  void operator()(const Pull& m) const {
    out.array(6).uint(kPull).bin(m.publisher.view()).uint(m.epoch).uint(m.from).uint(m.to);
    out.boolean(m.graft);
  }
  void operator()(const Gone& m) const {
    out.array(4).uint(kGone).bin(m.publisher.view()).uint(m.epoch).uint(m.upto);
  }
  void operator()(const Prune& m) const { out.array(2).uint(kPrune).bin(m.publisher.view()); }
  void operator()(const Confirm& m) const {
    out.array(7).uint(kConfirm).bin(m.publisher.view()).uint(m.epoch).uint(m.last);
    out.uint(static_cast<std::uint64_t>(m.level)).bin(m.holder.view()).uint(m.hops);
  }
  void operator()(const Kept& m) const {
    out.array(4).uint(kKept).uint(m.from).uint(m.to).array(m.entries.size());
    for (const auto& entry : m.entries) out.array(2).uint(entry.topic).uint(entry.stamp);
  }
  void operator()(const Value& m) const { out.array(2).uint(kValue).bin(m.batch); }
  void operator()(const Given& m) const { out.array(3).uint(kGiven).bin(m.batch).boolean(m.more); }
  void operator()(const Withheld& m) const {
    out.array(5).uint(kWithheld).bin(m.publisher.view()).uint(m.epoch).uint(m.first).uint(m.count);
  }
  void operator()(const Skipped&) const { WEFT_ASSERT(false); }
};

Result<NodeId> read_node(wire::Reader& in) {
  WEFT_TRY(const auto bytes, in.fixed<32>());
  return NodeId{bytes};
}

Result<std::uint64_t> read_number(wire::Reader& in) {
  WEFT_TRY(const auto value, in.uint());
  if (value > 2 * kMaxNumber) return fail(Errc::Malformed, "a number too high");
  return value;
}

Result<Level> read_level(wire::Reader& in) {
  WEFT_TRY(const auto value, in.uint());
  if (value > static_cast<std::uint64_t>(Level::Durable)) return fail(Errc::Malformed, "level");
  return static_cast<Level>(value);
}

Result<std::uint64_t> read_hops(wire::Reader& in) {
  WEFT_TRY(const auto value, in.uint());
  return std::min(value, kMaxHops);
}

// `left`: elements of the array that nobody has read.
Result<void> skip_rest(wire::Reader& in, std::size_t left) {
  for (; left > 0; --left) WEFT_CHECK(in.skip());
  return in.finish();
}

Result<Frame> read_push(wire::Reader& in) {
  Push m;
  WEFT_TRY(const auto batch, in.bin(kMaxBatch));
  m.batch = to_bytes(batch);
  WEFT_TRY(m.want, read_level(in));
  WEFT_TRY(m.hops, read_hops(in));
  return m;
}

Result<Frame> read_have(wire::Reader& in) {
  Have m;
  WEFT_TRY(const auto count, in.array(kMaxHave));
  for (std::size_t i = 0; i < count; ++i) {
    Have::Entry entry;
    WEFT_TRY(const auto fields, in.array(8));
    if (fields < 3) return fail(Errc::Malformed, "have: entry");
    WEFT_TRY(entry.publisher, read_node(in));
    WEFT_TRY(entry.epoch, read_number(in));
    WEFT_TRY(entry.high, read_number(in));
    for (auto left = fields - 3; left > 0; --left) WEFT_CHECK(in.skip());
    m.entries.push_back(entry);
  }
  WEFT_TRY(m.kept, in.uint());
  return m;
}

Result<Frame> read_pull(wire::Reader& in) {
  Pull m;
  WEFT_TRY(m.publisher, read_node(in));
  WEFT_TRY(m.epoch, read_number(in));
  WEFT_TRY(m.from, read_number(in));
  WEFT_TRY(m.to, read_number(in));
  WEFT_TRY(m.graft, in.boolean());
  return m;
}

Result<Frame> read_confirm(wire::Reader& in) {
  Confirm m;
  WEFT_TRY(m.publisher, read_node(in));
  WEFT_TRY(m.epoch, read_number(in));
  WEFT_TRY(m.last, read_number(in));
  WEFT_TRY(m.level, read_level(in));
  WEFT_TRY(m.holder, read_node(in));
  WEFT_TRY(m.hops, read_hops(in));
  return m;
}

Result<Frame> read_kept(wire::Reader& in) {
  Kept m;
  WEFT_TRY(m.from, in.uint());
  WEFT_TRY(m.to, in.uint());
  WEFT_TRY(const auto count, in.array(kMaxKept));
  for (std::size_t i = 0; i < count; ++i) {
    Kept::Entry entry;
    WEFT_TRY(const auto fields, in.array(8));
    if (fields < 2) return fail(Errc::Malformed, "kept: entry");
    WEFT_TRY(entry.topic, in.uint());
    WEFT_TRY(entry.stamp, in.uint());
    for (auto left = fields - 2; left > 0; --left) WEFT_CHECK(in.skip());
    if (entry.topic < m.from || entry.topic > m.to ||
        (i > 0 && entry.topic <= m.entries.back().topic))
      return fail(Errc::Malformed, "kept: order");
    m.entries.push_back(entry);
  }
  return m;
}

Result<Frame> read_gone(wire::Reader& in) {
  Gone m;
  WEFT_TRY(m.publisher, read_node(in));
  WEFT_TRY(m.epoch, read_number(in));
  WEFT_TRY(m.upto, read_number(in));
  return m;
}

Result<Frame> read_prune(wire::Reader& in) {
  WEFT_TRY(const auto publisher, read_node(in));
  return Prune{publisher};
}

Result<Frame> read_value(wire::Reader& in) {
  WEFT_TRY(const auto batch, in.bin(kMaxBatch));
  return Value{to_bytes(batch)};
}

Result<Frame> read_given(wire::Reader& in) {
  Given m;
  WEFT_TRY(const auto batch, in.bin(kMaxBatch));
  m.batch = to_bytes(batch);
  WEFT_TRY(m.more, in.boolean());
  return m;
}

Result<Frame> read_withheld(wire::Reader& in) {
  Withheld m;
  WEFT_TRY(m.publisher, read_node(in));
  WEFT_TRY(m.epoch, read_number(in));
  WEFT_TRY(m.first, read_number(in));
  WEFT_TRY(m.count, in.uint());
  if (m.first == 0 || m.first > kMaxNumber || m.epoch > kMaxNumber || m.count == 0 ||
      m.count > kMaxMessages)
    return fail(Errc::Malformed, "withheld: numbers");
  return m;
}

struct Kind {
  std::uint64_t type;
  std::size_t fields;  // with the type
  Result<Frame> (*read)(wire::Reader& in);
};
constexpr Kind kKinds[] = {
    {kPush, 4, read_push},         {kHave, 3, read_have},   {kPull, 6, read_pull},
    {kGone, 4, read_gone},         {kPrune, 2, read_prune}, {kConfirm, 7, read_confirm},
    {kKept, 4, read_kept},         {kValue, 2, read_value}, {kGiven, 3, read_given},
    {kWithheld, 5, read_withheld},
};

}  // namespace

Bytes encode(const Frame& frame) {
  wire::Writer out;
  std::visit(Pack{out}, frame);
  WEFT_ASSERT(out.bytes().size() <= kMaxFrame);
  Bytes framed;
  framed.reserve(out.bytes().size() + 2);
  append_be(framed, static_cast<std::uint16_t>(out.bytes().size()));
  append(framed, out.bytes());
  return framed;
}

Result<Frame> decode_frame(ByteView body) {
  auto in = wire::Reader::lenient(body);
  WEFT_TRY(const auto fields, in.array(32));
  if (fields == 0) return fail(Errc::Malformed, "an empty frame");
  WEFT_TRY(const auto type, in.uint());
  for (const auto& kind : kKinds) {
    if (kind.type != type) continue;
    if (fields < kind.fields) return fail(Errc::Malformed, "a frame that is too short");
    WEFT_TRY(auto frame, kind.read(in));
    WEFT_CHECK(skip_rest(in, fields - kind.fields));
    return frame;
  }
  WEFT_CHECK(skip_rest(in, fields - 1));
  return Skipped{type};
}

}  // namespace weft::broker
