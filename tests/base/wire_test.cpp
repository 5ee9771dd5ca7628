#include "base/wire.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "tests/harness/vectors.hpp"

namespace weft::wire {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

template <class T>
Errc code(const Result<T>& result) {
  return result ? Errc::Usage : result.error().code;
}

TEST(Writer, EmitsTheShortestForm) {
  Writer out;
  out.array(3).uint(0).uint(127).uint(128).uint(255).uint(256).uint(65536).uint(1ULL << 32);
  EXPECT_EQ(to_hex(out.bytes()), "93007fcc80ccffcd0100ce00010000cf0000000100000000");
  Writer negative;
  negative.sint(-1).sint(-32).sint(-33).sint(-129).sint(5).boolean(true).nil().map(1);
  EXPECT_EQ(to_hex(negative.bytes()), "ffe0d0dfd1ff7f05c3c081");
  Writer text;
  text.str("a").bin(hex("00ff")).raw(hex("c2"));
  EXPECT_EQ(to_hex(text.bytes()), "a161c40200ffc2");
}

// What the writer emits, a canonical reader takes back: integers around every boundary.
TEST(Reader, CanonicalRoundTripAroundEveryBoundary) {
  for (int bits = 0; bits < 64; ++bits)
    for (const std::uint64_t near : {~0ULL, 0ULL, 1ULL}) {
      const std::uint64_t value = (1ULL << bits) + near;
      Writer out;
      out.uint(value)
          .sint(static_cast<std::int64_t>(value))
          .sint(-static_cast<std::int64_t>(value >> 1));
      auto reader = Reader::canonical(out.bytes());
      EXPECT_EQ(reader.uint().value(), value);
      EXPECT_EQ(reader.sint().value(), static_cast<std::int64_t>(value));
      EXPECT_EQ(reader.sint().value(), -static_cast<std::int64_t>(value >> 1));
      EXPECT_TRUE(reader.finish());
    }
  for (const std::size_t size : {0u, 31u, 32u, 255u, 256u, 65535u}) {
    Writer out;
    out.str(std::string(size, 'x')).bin(Bytes(size, 1));
    auto reader = Reader::canonical(out.bytes());
    EXPECT_EQ(reader.str(kMaxInput).value().size(), size);
    EXPECT_EQ(reader.bin(kMaxInput).value().size(), size);
    EXPECT_TRUE(reader.finish());
  }
}

TEST(Reader, LimitsAreExact) {
  Writer out;
  out.bin(Bytes(10, 1));
  EXPECT_TRUE(Reader::canonical(out.bytes()).bin(10));
  EXPECT_EQ(code(Reader::canonical(out.bytes()).bin(9)), Errc::TooLarge);
  EXPECT_TRUE(Reader::lenient(hex("93c0c0c0")).array(3));
  EXPECT_EQ(code(Reader::lenient(hex("93c0c0c0")).array(2)), Errc::TooLarge);
  EXPECT_TRUE(Reader::lenient(hex("81c0c0")).map(1));
  EXPECT_EQ(code(Reader::lenient(hex("81c0c0")).map(0)), Errc::TooLarge);
}

TEST(Reader, CanonicalRefusesWhatLenientTakes) {
  for (const auto* text : {"cc7f", "cd00ff", "ce0000ffff", "cf00000000ffffffff", "d07f", "d1ff80",
                           "d2ffff8000", "d3ffffffff80000000"}) {
    const Bytes bytes = hex(text);
    EXPECT_TRUE(Reader::lenient(bytes).sint()) << text;
    EXPECT_EQ(code(Reader::canonical(bytes).sint()), Errc::NonCanonical) << text;
  }
  EXPECT_TRUE(Reader::lenient(hex("d90161")).str(5));
  EXPECT_EQ(code(Reader::canonical(hex("d90161")).str(5)), Errc::NonCanonical);
  EXPECT_TRUE(Reader::lenient(hex("c5000161")).bin(5));
  EXPECT_EQ(code(Reader::canonical(hex("c5000161")).bin(5)), Errc::NonCanonical);
  EXPECT_TRUE(Reader::lenient(hex("dc0001c0")).array(5));
  EXPECT_EQ(code(Reader::canonical(hex("dc0001c0")).array(5)), Errc::NonCanonical);
  EXPECT_EQ(code(Reader::canonical(hex("c0c0")).finish()), Errc::NonCanonical);
}

TEST(Reader, RawKeepsTheBytesAndSkipStopsAtTheEnd) {
  const Bytes input = hex("9201a16105");
  auto reader = Reader::lenient(input);
  EXPECT_EQ(to_hex(reader.raw().value()), "9201a161");
  EXPECT_EQ(reader.uint().value(), 5u);
  EXPECT_EQ(reader.peek(), Kind::End);
  EXPECT_FALSE(reader.skip());
}

Bytes nested(std::size_t arrays) {
  Bytes out(arrays, 0x91);
  out.push_back(0xc0);
  return out;
}

TEST(Reader, DepthIsBounded) {
  EXPECT_TRUE(Reader::lenient(nested(kMaxDepth)).skip());
  EXPECT_EQ(code(Reader::lenient(nested(kMaxDepth + 1)).skip()), Errc::TooLarge);
  EXPECT_EQ(code(Reader::lenient(nested(100'000)).skip()), Errc::TooLarge);
}

TEST(Reader, NothingCrashesItOnRandomBytes) {
  SeededRng rng(13);
  for (int i = 0; i < 20'000; ++i) {
    Bytes input(static_cast<std::size_t>(rng.uniform(40)));
    rng.fill(input);
    auto reader = rng.uniform(2) == 0 ? Reader::lenient(input) : Reader::canonical(input);
    while (reader.remaining() > 0) {
      const auto before = reader.remaining();
      if (!reader.skip()) break;
      ASSERT_LT(reader.remaining(), before);
    }
  }
}

using vectors::Json;

Bytes joined(const std::string& dashed) {
  std::string text = dashed;
  std::erase(text, '-');
  return hex(text);
}

// Floats and extensions are not part of weft's subset; everything else must skip and read back.
bool uses_float_or_extension(const std::string& group, const Bytes& bytes) {
  return bytes[0] == 0xca || bytes[0] == 0xcb || group.starts_with("50.timestamp") ||
         group.starts_with("60.ext");
}

void check_value(const Json& row, const Bytes& bytes, bool shortest) {
  auto lenient = Reader::lenient(bytes);
  auto canonical = Reader::canonical(bytes);
  const auto refused = [&](const auto& result) { return code(result) == Errc::NonCanonical; };
  if (row.contains("nil")) {
    EXPECT_TRUE(lenient.nil());
  } else if (row.contains("bool")) {
    EXPECT_EQ(lenient.boolean().value(), row.at("bool").get<bool>());
  } else if (row.contains("binary")) {
    const Bytes expected = joined(row.at("binary").get<std::string>());
    EXPECT_EQ(to_bytes(lenient.bin(kMaxInput).value()), expected);
    EXPECT_EQ(refused(canonical.bin(kMaxInput)), !shortest);
  } else if (row.contains("string")) {
    EXPECT_EQ(lenient.str(kMaxInput).value(), row.at("string").get<std::string>());
    EXPECT_EQ(refused(canonical.str(kMaxInput)), !shortest);
  } else if (row.contains("number") && !row.contains("bignum")) {
    const auto& number = row.at("number");
    if (number.is_number_unsigned() && lenient.peek() == Kind::Uint) {
      EXPECT_EQ(lenient.uint().value(), number.get<std::uint64_t>());
    } else {
      EXPECT_EQ(lenient.sint().value(), number.get<std::int64_t>());
    }
  } else if (row.contains("bignum")) {
    const auto text = row.at("bignum").get<std::string>();
    if (lenient.peek() == Kind::Uint) {
      EXPECT_EQ(std::to_string(lenient.uint().value()), text);
    } else {
      EXPECT_EQ(std::to_string(lenient.sint().value()), text);
    }
  } else {
    EXPECT_TRUE(lenient.skip());
  }
  EXPECT_TRUE(lenient.finish());
}

TEST(Vectors, MsgpackTestSuite) {
  const std::string file = "msgpack/msgpack-test-suite.json";
  WEFT_NEED_VECTORS(file);
  const Json all = vectors::load(file);
  vectors::Tally tally(file, 233);
  for (const auto& [group, rows] : all.items())
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.at("msgpack").size(); ++i) {
        const auto dashed = row.at("msgpack")[i].get<std::string>();
        SCOPED_TRACE(group + " " + dashed);
        const Bytes bytes = joined(dashed);
        if (uses_float_or_extension(group, bytes))
          EXPECT_EQ(code(Reader::lenient(bytes).skip()), Errc::Unsupported);
        else
          check_value(row, bytes, i == 0);
        tally.ran();
      }
  EXPECT_EQ(tally.run(), tally.total());
}

// One whole message, as a typed layer takes it: a value, then nothing.
Result<void> whole_message(const Bytes& bytes, bool canonical) {
  auto reader = canonical ? Reader::canonical(bytes) : Reader::lenient(bytes);
  WEFT_CHECK(reader.skip());
  return reader.finish();
}

TEST(Vectors, MsgpackNegative) {
  const std::string file = "msgpack/msgpack_negative.json";
  WEFT_NEED_VECTORS(file);
  const Json all = vectors::load(file);
  vectors::Tally tally(file, all.at("vectors").size());
  for (const auto& row : all.at("vectors")) {
    const auto name = row.at("name").get<std::string>();
    const auto error = row.at("error").get<std::string>();
    SCOPED_TRACE(name);
    Bytes bytes = hex(row.at("hex").get<std::string>());
    if (name == "nesting_100000_generated") bytes = nested(100'000);
    if (name == "array16_over_limit" || name == "array16_at_limit_truncated") {
      EXPECT_EQ(code(Reader::lenient(bytes).array(4096)), Errc::TooLarge);
    } else if (error == "BAD_TYPE") {
      EXPECT_EQ(code(Reader::lenient(bytes).uint()), Errc::Malformed);
    } else if (error == "DUPLICATE_KEY" || error == "BAD_KEY" ||
               name == "unsorted_keys_in_signed") {
      // Maps are no signed structures here, and typed layers read their own keys in order; a
      // signed reader asks for an array and so refuses any map.
      EXPECT_EQ(code(Reader::canonical(bytes).array(64)), Errc::Malformed);
    } else {
      EXPECT_FALSE(whole_message(bytes, error == "NON_CANONICAL"));
    }
    tally.ran();
  }
  EXPECT_EQ(tally.run(), tally.total());
}

}  // namespace
}  // namespace weft::wire
