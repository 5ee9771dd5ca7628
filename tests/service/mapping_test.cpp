#include "overlay/service/mapping.hpp"

#include <gtest/gtest.h>

#include "tests/service/kit.hpp"

namespace weft::service {
namespace {

TEST(ServiceRef, ReadsServiceAndNode) {
  EXPECT_EQ(*parse_service_ref("blog"), (ServiceRef{"blog", ""}));
  EXPECT_EQ(*parse_service_ref("blog@a"), (ServiceRef{"blog", "a"}));
  for (const auto* text : {"", "@a", "blog@", "Blog", "a b", "blog@a@b", "blog@A", "-x"})
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
