#include "overlay/service/mapping.hpp"

#include <gtest/gtest.h>

#include "tests/service/kit.hpp"

namespace weft::service {
namespace {

TEST(ServiceRef, ReadsServiceAndNode) {
  EXPECT_EQ(*parse_service_ref("blog"), (ServiceRef{"blog", ""}));
  EXPECT_EQ(*parse_service_ref("blog@a"), (ServiceRef{"blog", "a"}));
  EXPECT_EQ(*parse_service_ref("blog@a,b"), (ServiceRef{"blog", "a", {"b"}}));
  EXPECT_EQ(code_of(parse_service_ref("blog@a,b,c,d,e,f,g,h,i,j")), Errc::Usage);
  for (const auto* text : {"blog@a,", "blog@,a", "blog@a,,b", "blog,a", "", "@a", "blog@", "Blog",
                           "a b", "blog@a@b", "blog@A", "-x"})
    EXPECT_EQ(code_of(parse_service_ref(text)), Errc::Usage) << text;
}

TEST(ServiceRef, FindsTheNode) {
  FakeTrust trust;
  const NodeId ada{{1}};
  const NodeId other{{2}};
  trust.names = {{ada, "ada"}};
  EXPECT_EQ(*resolve_node({"blog", ""}, trust, trust.network), std::nullopt);
  EXPECT_EQ(*resolve_node({"blog", "ada"}, trust, trust.network), ada);
  EXPECT_EQ(code_of(resolve_node({"blog", "eve"}, trust, trust.network)), Errc::NotFound);
  const auto by_id = parse_service_ref("blog@" + to_text(other));
  ASSERT_TRUE(by_id.has_value());
  EXPECT_EQ(*resolve_node(*by_id, trust, trust.network), other);
  trust.names[ada] = to_text(other);  // a name that looks like an id does not win
  EXPECT_EQ(*resolve_node(*by_id, trust, trust.network), other);
}

TEST(Mapping, RowReadsBack) {
  Mapping m{7, "blog", NodeId{{5}}, Endpoint::v4(0x7f000001, 9000), false};
  EXPECT_EQ(*Mapping::decode(m.encode()), m);
  m.node.reset();
  EXPECT_EQ(*Mapping::decode(m.encode()), m);
}

TEST(Mapping, ReplicasReadBackAndOlderVersionsSeeWhatTheyDoNotKnow) {
  Mapping m{7, "blog", NodeId{{5}}, Endpoint::v4(0x7f000001, 9000), false};
  const auto plain = m.encode();
  m.any = true;
  EXPECT_EQ(*Mapping::decode(m.encode()), m);
  m.also = {NodeId{{6}}, NodeId{{9}}};
  EXPECT_EQ(*Mapping::decode(m.encode()), m);
  m.any = false;
  EXPECT_EQ(*Mapping::decode(m.encode()), m);
  EXPECT_EQ(plain[1], 1);  // version 1, so that an earlier program still starts
  EXPECT_EQ(m.encode()[1], 2);
  m.node.reset();  // replicas of nobody
  EXPECT_EQ(code_of(Mapping::decode(m.encode())), Errc::Malformed);
}

// The bytes of docs/wire/state.md: rows that are on disks.
TEST(Mapping, StoredRowsAreTheseBytes) {
  const std::string node = "c42005" + std::string(62, '0');
  const std::string listen = "c41200000000000000000000ffff7f0000012328";
  const std::string head = "07a4626c6f67" + node + listen;
  Mapping m{7, "blog", NodeId{{5}}, Endpoint::v4(0x7f000001, 9000), false};
  const auto is = [&](const std::string& hex) {
    EXPECT_EQ(to_hex(m.encode()), hex);
    const auto back = Mapping::decode(*from_hex(hex));
    ASSERT_TRUE(back.has_value()) << back.error().detail;
    EXPECT_EQ(*back, m);
  };
  is("9601" + head + "c2");
  m.any = true;
  is("9802" + head + "c2c390");
  m.also = {NodeId{{6}}};
  is("9802" + head + "c2c391c42006" + std::string(62, '0'));
  m.protocol = Protocol::Udp;
  is("9903" + head + "c2c391c42006" + std::string(62, '0') + "01");
  m.any = false;
  m.also.clear();
  is("9903" + head + "c2c29001");
  m.node.reset();
  is("990307a4626c6f67c0" + listen + "c2c29001");
  m.node = NodeId{{5}};
  m.direct = true;
  is("9a04" + head + "c2c29001c3");
  m.protocol = Protocol::Tcp;
  is("9a04" + head + "c2c29000c3");
}

TEST(Mapping, RowsThatNobodyWritesAreRefused) {
  const std::string node = "c42005" + std::string(62, '0');
  const std::string head = "07a4626c6f67" + node + "c41200000000000000000000ffff7f0000012328c2";
  const auto refused = [&](const std::string& hex) {
    const auto row = Mapping::decode(*from_hex(hex));
    return row                                     ? "none"
           : row.error().code == Errc::Malformed   ? "malformed"
           : row.error().code == Errc::Unsupported ? "unsupported"
                                                   : "other";
  };
  EXPECT_STREQ(refused("9903" + head + "c29000"), "malformed");    // tcp in the long version
  EXPECT_STREQ(refused("9903" + head + "c29004"), "unsupported");  // a protocol of tomorrow
  EXPECT_STREQ(refused("9904" + head + "c29001"), "malformed");    // an element is missing
  EXPECT_STREQ(refused("9a04" + head + "c29001c2"), "malformed");  // could be said in version 3
  EXPECT_STREQ(refused("9a04" + head + "c29001c3"), "none");
  EXPECT_STREQ(refused("9a05" + head + "c29001c3"), "unsupported");
  EXPECT_STREQ(refused("9803" + head + "c390"), "malformed");
  EXPECT_STREQ(refused("9600" + head), "malformed");
  EXPECT_STREQ(refused("9601" + head), "none");
}

TEST(MappingTable, ADoorWithoutANodeGetsOneOnce) {
  MappingTable table(NetworkId{{7}});
  ASSERT_TRUE(table.add({0, "blog", {}, {}, false}).has_value());
  const auto pinned = table.pin(1, NodeId{{5}});
  ASSERT_TRUE(pinned.has_value() && pinned->row.has_value());
  EXPECT_EQ(Mapping::decode(*pinned->row->value)->node, NodeId{{5}});
  EXPECT_EQ(code_of(table.pin(1, NodeId{{6}})), Errc::Conflict);
  EXPECT_EQ(code_of(table.pin(2, NodeId{{6}})), Errc::NotFound);
}

TEST(MappingTable, OneDoorPerEndpoint) {
  MappingTable table(NetworkId{{7}});
  const auto door = Endpoint::v4(0x7f000001, 9000);
  const auto any = Endpoint::v4(0x7f000001, 0);
  const auto first = table.add({0, "blog", {}, door, false});
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(first->row.has_value());
  EXPECT_EQ(code_of(table.add({0, "wiki", {}, door, false})), Errc::Conflict);
  const auto second = table.add({0, "wiki", {}, any, false});
  const auto third = table.add({0, "wiki", {}, any, true});
  ASSERT_TRUE(second.has_value() && third.has_value());
  EXPECT_FALSE(third->row.has_value());  // `once` is not remembered
  const auto bound = table.set_listen(second->mapping.id, Endpoint::v4(0x7f000001, 9001));
  ASSERT_TRUE(bound.has_value());
  MappingTable back(NetworkId{{7}});
  ASSERT_TRUE(back.load(*first->row).has_value());
  ASSERT_TRUE(back.load(*bound->row).has_value());
  EXPECT_EQ(back.list().size(), 2U);
  EXPECT_EQ(back.find(2)->listen.port, 9001);
  const auto gone = table.remove(first->mapping.id);
  EXPECT_FALSE(gone->row->value.has_value());
  EXPECT_EQ(code_of(table.remove(first->mapping.id)), Errc::NotFound);
}

TEST(MappingTable, IsBounded) {
  MappingTable table(NetworkId{});
  for (std::size_t i = 0; i < kMaxMappings; ++i)
    ASSERT_TRUE(table.add({0, "blog", {}, {}, false}).has_value());
  EXPECT_EQ(code_of(table.add({0, "blog", {}, {}, false})), Errc::Limit);
}

}  // namespace
}  // namespace weft::service
