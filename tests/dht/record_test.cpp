#include "dht/record.hpp"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/seeded_rng.hpp"
#include "dht/record_store.hpp"

namespace weft::dht {
namespace {

struct Fixture {
  SeededRng rng{1};
  Identity author = Identity::generate(rng);
  NetworkId network{rng.bytes<32>()};
  Config config;
  RecordStore store{config, NodeId{}};
  Instant now{1h};
  UnixTime unix_now = 1'800'000'000;

  Record item(std::uint64_t seq, std::string_view value, std::string_view salt = "s") {
    return Record::mutable_item(author, network, bytes_of(salt), seq, bytes_of(value));
  }
  // As the server does: rules, signature, store.
  PutError put(const Record& record, std::optional<std::uint64_t> cas = std::nullopt) {
    const auto decoded = Record::decode(record.encode());
    if (!decoded) return PutError::Protocol;
    const PutError error = decoded->check(network);
    return error != PutError::None ? error
                                   : store.put(now, unix_now, decoded->key(), *decoded, cas);
  }
};

// N19, each with its positive control.
TEST(Record, N19Bep44RulesAndErrorNumbers) {
  Fixture f;
  EXPECT_EQ(f.put(f.item(5, "five")), PutError::None);
  EXPECT_EQ(f.put(f.item(5, "five")), PutError::None);  // the same again renews
  EXPECT_EQ(static_cast<int>(f.put(f.item(5, "other"))), 302);
  EXPECT_EQ(static_cast<int>(f.put(f.item(4, "four"))), 302);
  EXPECT_EQ(static_cast<int>(f.put(f.item(6, "six"), 4)), 301);
  EXPECT_EQ(f.put(f.item(6, "six"), 5), PutError::None);
  EXPECT_EQ(f.put(f.item(7, std::string(1000, 'v'))), PutError::None);
  EXPECT_EQ(static_cast<int>(f.put(f.item(8, std::string(1001, 'v')))), 205);
  EXPECT_EQ(f.put(f.item(1, "v", std::string(64, 's'))), PutError::None);
  EXPECT_EQ(static_cast<int>(f.put(f.item(1, "v", std::string(65, 's')))), 207);
  Record forged = f.item(9, "nine");
  forged.signature[3] ^= 1;
  EXPECT_EQ(static_cast<int>(f.put(forged)), 206);
  Record foreign = Record::mutable_item(f.author, NetworkId{}, bytes_of("s"), 9, bytes_of("nine"));
  EXPECT_EQ(static_cast<int>(f.put(foreign)), 206);  // another network's
  EXPECT_EQ(f.put(f.item(9, "nine")), PutError::None);
  f.store.check_invariants();
}

TEST(Record, KeysFollowTheKind) {
  Fixture f;
  EXPECT_EQ(Record::immutable(bytes_of("x")).key(), immutable_key(bytes_of("x")));
  EXPECT_NE(Record::immutable(bytes_of("x")).key(), immutable_key(bytes_of("y")));
  EXPECT_EQ(f.item(1, "v").key(), mutable_key(f.author.public_key(), bytes_of("s")));
  EXPECT_EQ(Record::node(f.author, f.network, 1, 0, {}).key(), f.author.id);
  const Key what = service_key(f.network, "blog");
  EXPECT_EQ(Record::provider(f.author, f.network, what, 1, 0, {}).key(), what);
}

TEST(Record, RoundTripsAndRefusesAnyOtherEncoding) {
  Fixture f;
  for (const Record& record :
       {Record::immutable(bytes_of("hello")), f.item(3, "v"),
        Record::node(f.author, f.network, 7, f.unix_now + 9, bytes_of("info")),
        Record::provider(f.author, f.network, f.author.id, 1, 0, bytes_of("p"))}) {
    const Bytes bytes = record.encode();
    const auto back = Record::decode(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, record);
    EXPECT_EQ(back->check(f.network), PutError::None);
    Bytes trailing = bytes;
    trailing.push_back(0);
    EXPECT_FALSE(Record::decode(trailing));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
      EXPECT_FALSE(Record::decode(ByteView(bytes).first(cut)));
  }
}

TEST(Record, LargestFitsOneDatagram) {
  Fixture f;
  const Record largest = f.item((1ULL << 62) - 1, std::string(1000, 'v'), std::string(64, 's'));
  EXPECT_LE(largest.encode().size(), 1188U);
}

TEST(RecordStore, ForgetsInTimeAndAtTheAuthorsWord) {
  Fixture f;
  EXPECT_EQ(f.put(f.item(1, "v")), PutError::None);
  EXPECT_EQ(f.put(Record::node(f.author, f.network, 1, f.unix_now + 60, {})), PutError::None);
  EXPECT_EQ(f.put(Record::node(f.author, f.network, 2, f.unix_now - 1, {})), PutError::Protocol);
  EXPECT_EQ(f.store.find(f.now, f.author.id, RecordKind::Node).size(), 1U);
  EXPECT_EQ(f.store.find(f.now + 61s, f.author.id, RecordKind::Node).size(), 0U);
  f.store.expire(f.now + 47h);
  EXPECT_EQ(f.store.size(), 1U);
  f.store.expire(f.now + 48h);
  EXPECT_EQ(f.store.size(), 0U);
  f.store.check_invariants();
}

// A store of 64 values of which an author may have four when room is short. Salts are chosen so
// that the keys lie next to the holder (its id is zero), as a hostile author would.
struct Crowded : Fixture {
  Crowded() { config.records = 64, config.presence_records = 8, config.record_share = 16; }
  Record of(const Identity& who, bool near) {
    for (;;) {
      Record record = Record::mutable_item(who, network, rng.bytes<8>(), 1, bytes_of("v"));
      if ((record.key().bytes[0] < 0x20) == near) return record;
    }
  }
  PutError add(const Record& record, const NodeId& from = {}) {
    const auto error = store.put(now, unix_now, record.key(), record, {}, {}, from);
    store.check_invariants();
    return error;
  }
  std::size_t held(const Identity& who) {
    std::size_t count = 0;
    for (const auto& stored : store.all()) count += stored->record.author == who.public_key();
    return count;
  }
  Identity honest = Identity::generate(rng);
  Identity other = Identity::generate(rng);
};

TEST(RecordStore, AFloodByOneAuthorGivesItsRoomToTheFirstWhoWantsIt) {
  Crowded f;
  const Record before = f.of(f.honest, false);  // far away: the first to go by distance alone
  ASSERT_EQ(f.add(before), PutError::None);
  for (int i = 0; i < 200; ++i) f.add(f.of(f.author, true));
  EXPECT_EQ(f.store.size(), 64u);  // what nobody else wants it may have
  EXPECT_TRUE(f.store.holds(before.key()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(f.add(f.of(f.honest, false)), PutError::None);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(f.add(f.of(f.other, false)), PutError::None);
  for (int i = 0; i < 200; ++i) f.add(f.of(f.author, true));
  EXPECT_EQ(f.held(f.honest), 4u);
  EXPECT_EQ(f.held(f.other), 4u);
  EXPECT_EQ(f.held(f.author), 56u);
}

TEST(RecordStore, ImmutableValuesAreChargedToWhoStoresThem) {
  Crowded f;
  const Record before = f.of(f.honest, false);
  ASSERT_EQ(f.add(before), PutError::None);
  for (int i = 0; i < 200; ++i) f.add(Record::immutable(f.rng.bytes<8>()), f.author.id);
  EXPECT_EQ(f.store.size(), 64u);
  EXPECT_TRUE(f.store.holds(before.key()));
  const Record value = Record::immutable(bytes_of("honest"));
  EXPECT_EQ(f.add(value, f.honest.id), PutError::None);
  EXPECT_TRUE(f.store.holds(value.key()));
}

TEST(RecordStore, PresenceAndValuesTakeNoRoomFromEachOther) {
  Crowded f;
  for (int i = 0; i < 200; ++i) f.add(f.of(Identity::generate(f.rng), true));
  EXPECT_EQ(f.store.size(), 64u);
  const Record node = Record::node(f.honest, f.network, 1, 0, {});
  ASSERT_EQ(f.add(node), PutError::None);
  const std::size_t values = f.store.size() - 1;
  for (int i = 0; i < 50; ++i) f.add(Record::node(Identity::generate(f.rng), f.network, 1, 0, {}));
  EXPECT_EQ(f.store.size(), values + 8);
}

// A holder that stores it again says how long it is to live; that ends no record early either.
TEST(RecordStore, WhoIsNotItsAuthorNeitherLengthensNorShortensALife) {
  Fixture f;
  const Record item = f.item(1, "v");
  const auto put = [&](std::optional<std::uint64_t> left) {
    return f.store.put(f.now, f.unix_now, item.key(), item, {}, left);
  };
  const auto left = [&] { return f.store.all().at(0)->until - f.now; };
  EXPECT_EQ(put(3600), PutError::None);
  EXPECT_EQ(left(), 1h);
  EXPECT_EQ(put(7200), PutError::None);  // it may know better
  EXPECT_EQ(left(), 2h);
  EXPECT_EQ(put(0), PutError::None);
  EXPECT_EQ(left(), 2h);
  EXPECT_EQ(put(~std::uint64_t{0}), PutError::None);
  EXPECT_EQ(left(), 48h);
  EXPECT_EQ(put(1), PutError::None);
  EXPECT_EQ(left(), 48h);
  f.now += 40h;
  EXPECT_EQ(put(std::nullopt), PutError::None);  // its author: a whole life
  EXPECT_EQ(left(), 48h);
  Record sooner = Record::node(f.author, f.network, 1, f.unix_now + 600, {});
  EXPECT_EQ(f.store.put(f.now, f.unix_now, sooner.key(), sooner, {}, 1200), PutError::None);
  EXPECT_EQ(f.store.find(f.now + 599s, sooner.key(), RecordKind::Node).size(), 1U);
  EXPECT_EQ(f.store.find(f.now + 601s, sooner.key(), RecordKind::Node).size(), 0U);
  f.store.check_invariants();
}

TEST(RecordStore, IsBoundedAndKeepsTheNearest) {
  Fixture f;
  f.config.records = 50;
  for (int i = 0; i < 400; ++i) {
    f.put(Record::immutable(f.rng.bytes<16>()));
    f.store.check_invariants();
  }
  EXPECT_EQ(f.store.size(), 50U);
  // Ours is id zero: the 50 kept of 400 are the smallest keys.
  for (const auto& stored : f.store.all()) EXPECT_LT(stored->key.bytes[0], 80);
  f.config.providers_per_key = 4;
  RecordStore fresh(f.config, NodeId{});
  const Key what = service_key(f.network, "blog");
  int stored = 0;
  for (int i = 0; i < 10; ++i) {
    const Identity author = Identity::generate(f.rng);
    const Record record = Record::provider(author, f.network, what, 1, 0, {});
    stored += fresh.put(f.now, f.unix_now, what, record, {}) == PutError::None ? 1 : 0;
  }
  EXPECT_EQ(stored, 4);
}

TEST(Record, NodeInfoRoundTripsWithinOneValue) {
  Fixture f;
  NodeInfo info;
  info.certificate.assign(250, 7);
  for (std::uint32_t i = 0; i < 8; ++i)
    info.addresses.emplace_back(UdpAddress{Endpoint::v4(i + 1, 9)});
  info.relays.assign(4, f.author.id);
  info.capabilities = 5;
  const auto back = NodeInfo::decode(info.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, info);
  EXPECT_LE(info.encode().size(), kMaxValue);
  info.addresses.emplace_back(UdpAddress{Endpoint::v4(1, 1)});
  EXPECT_EQ(NodeInfo::decode(info.encode())->addresses.size(), NodeInfo::kMaxAddresses);
}

TEST(Record, ValuesForAnAudienceOpenForNobodyElse) {
  Fixture f;
  const auto audience = audience_key(f.rng.bytes<32>());
  const Bytes sealed = seal_value(audience, f.author.id, f.rng, bytes_of("secret"));
  EXPECT_EQ(sealed.size(), 6 + kAudienceOverhead);
  EXPECT_EQ(text_of(open_value(audience, f.author.id, sealed).value()), "secret");
  EXPECT_FALSE(open_value(audience_key(f.rng.bytes<32>()), f.author.id, sealed));
  EXPECT_FALSE(open_value(audience, NodeId{}, sealed));  // moved to another key
}

// BEP 44's own vectors: their signatures, their targets and their error numbers are ours.
TEST(Record, Bep44Vectors) {
  const char* from_env = std::getenv("WEFT_VECTORS");
  const std::string folder = from_env ? from_env : WEFT_SOURCE_DIR "/../shared/vectors";
  std::ifstream in(folder + "/dht/bep44.json");
  if (!in) {
    const char* require = std::getenv("WEFT_REQUIRE_VECTORS");
    if (require && std::string_view(require) == "1") FAIL() << "no dht/bep44.json in " << folder;
    GTEST_SKIP() << "no dht/bep44.json in " << folder;
  }
  const auto vectors = nlohmann::json::parse(in);
  const auto sha1 = [](const Bytes& bytes) {
    ByteArray<20> digest;
    SHA1(bytes.data(), bytes.size(), digest.data());
    return to_hex(digest);
  };
  std::size_t run = 0;
  for (const auto& v : vectors["vectors"]) {
    const std::string value = v["value"];
    if (v["kind"] == "immutable") {
      EXPECT_EQ(sha1(to_bytes(bytes_of(value))), v["target"].get<std::string>());
    } else {
      const auto key = to_array<32>(from_hex(std::string(v["public"])).value()).value();
      const auto signature = to_array<64>(from_hex(std::string(v["signature"])).value()).value();
      const std::string text = v["signed"];
      EXPECT_TRUE(crypto::ed25519_verify(key, bytes_of(text), signature));
      EXPECT_FALSE(crypto::ed25519_verify(key, bytes_of(text + "x"), signature));
      Bytes target = to_bytes(key);
      append(target, bytes_of(std::string(v["salt"])));
      EXPECT_EQ(sha1(target), v["target"].get<std::string>());
    }
    ++run;
  }
  EXPECT_EQ(run, 3U);
  std::vector<int> codes;
  for (const auto& e : vectors["errors"]) codes.push_back(e["code"]);
  EXPECT_EQ(codes,
            (std::vector<int>{
                static_cast<int>(PutError::TooBig), static_cast<int>(PutError::BadSignature),
                static_cast<int>(PutError::SaltTooBig), static_cast<int>(PutError::CasMismatch),
                static_cast<int>(PutError::OldSequence)}));
}

}  // namespace
}  // namespace weft::dht
