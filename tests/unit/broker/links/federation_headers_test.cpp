/// What federation writes into messages and bindings, and how it sees loops.
#include "broker/links/federation_headers.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace leveret::links {
namespace {

using protocol::BasicProperties;
using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

FieldValue text(const std::string& value) { return FieldValue::long_string(value); }

FieldValue place(const std::string& cluster, const std::string& vhost) {
  FieldTable table;
  table.set("cluster-name", text(cluster));
  table.set("vhost", text(vhost));
  return FieldValue::table(std::move(table));
}

FieldTable received_from(FieldArray places) {
  FieldTable headers;
  headers.set("x-received-from", FieldValue::array(std::move(places)));
  return headers;
}

/// The headers that a message leaves with.
FieldTable headers_of(MessageHeaders& message) {
  static std::vector<std::byte> bytes;
  bytes = message.encode();
  const auto properties = BasicProperties::decode(bytes);
  if (!properties || !properties->headers) return {};
  return *properties->headers->decode();
}

TEST(FederationHeaders, CountHops) {
  const FederationPlace here{"us", "/"};
  EXPECT_TRUE(may_forward({}, 1, here));
  EXPECT_FALSE(may_forward(received_from({place("a", "/")}), 1, here));
  EXPECT_TRUE(may_forward(received_from({place("a", "/")}), 2, here));
}

TEST(FederationHeaders, SeeThatAMessageWasHere) {
  const FederationPlace here{"us", "/"};
  EXPECT_FALSE(may_forward(received_from({place("a", "/"), place("us", "/")}), 10, here));
  EXPECT_TRUE(may_forward(received_from({place("us", "other")}), 10, here));
  FieldTable no_array;
  no_array.set("x-received-from", text("somebody's own header"));
  EXPECT_TRUE(may_forward(no_array, 1, here));
}

TEST(FederationHeaders, OfAnExchangePutTheLastPlaceFirst) {
  const FieldTable before = received_from({place("first", "/")});
  MessageHeaders message({});
  message.headers() = before;
  add_received_from_exchange(message, {"amqp://up", "x", true, {"up", "/v"}});
  const FieldTable headers = headers_of(message);
  const FieldArray& places = *headers.find("x-received-from")->as_array();
  ASSERT_EQ(places.size(), 2U);
  FieldTable expected;
  expected.set("uri", text("amqp://up"));
  expected.set("exchange", text("x"));
  expected.set("redelivered", FieldValue::boolean(true));
  expected.set("cluster-name", text("up"));
  expected.set("vhost", text("/v"));
  EXPECT_EQ(*places[0].as_table(), expected);
  EXPECT_EQ(places[1], place("first", "/"));
}

TEST(FederationHeaders, OfAQueueKeepWhereTheMessageWasPublishedAtFirst) {
  MessageHeaders message({});
  message.headers().set("CC", FieldValue::array({text("copy")}));
  add_received_from_queue(message, {"amqp://up", "q", false, {}}, "x", "key");
  FieldTable headers = headers_of(message);
  EXPECT_EQ(headers.find("x-original-exchange")->as_string(), "x");
  EXPECT_EQ(headers.find("x-original-routing-key")->as_string(), "key");
  EXPECT_EQ(headers.find("CC"), nullptr);
  EXPECT_EQ(headers.find("x-original-cc")->as_array()->size(), 1U);
  EXPECT_EQ(headers.find("x-received-from")->as_array()->at(0).as_table()->find("visit-count")
                ->as_integer(),
            1);
}

TEST(FederationHeaders, OfAQueueCountVisitsInsteadOfGrowing) {
  MessageHeaders message({});
  for (const char* uri : {"amqp://a", "amqp://b", "amqp://a"}) {
    add_received_from_queue(message, {uri, "q", false, {}}, "", "q");
  }
  const FieldTable headers = headers_of(message);
  const FieldArray& places = *headers.find("x-received-from")->as_array();
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].as_table()->find("uri")->as_string(), "amqp://a");
  EXPECT_EQ(places[0].as_table()->find("visit-count")->as_integer(), 2);
  EXPECT_EQ(places[1].as_table()->find("visit-count")->as_integer(), 1);
}

// A - (1 hop) -> B - (2 hops) -> C: what is bound at C is bound at B, then at A, and no further.
TEST(FederationHeaders, BindingsGoAsFarUpAsMessagesCanComeDown) {
  const auto at_b = bound_from({}, 2, {"c", "/"}, "/:x A", {"b", "/"});
  ASSERT_TRUE(at_b);
  EXPECT_TRUE(is_bound_from(*at_b));
  const FieldTable& entry = *at_b->find("x-bound-from")->as_array()->at(0).as_table();
  EXPECT_EQ(entry.find("cluster-name")->as_string(), "c");
  EXPECT_EQ(entry.find("vhost")->as_string(), "/");
  EXPECT_EQ(entry.find("exchange")->as_string(), "/:x A");
  EXPECT_EQ(entry.find("hops")->as_integer(), 2);

  const auto at_a = bound_from(*at_b, 1, {"b", "/"}, "/:x B", {"a", "/"});
  ASSERT_TRUE(at_a);
  EXPECT_EQ(at_a->find("x-bound-from")->as_array()->size(), 2U);
  EXPECT_EQ(at_a->find("x-bound-from")->as_array()->at(0).as_table()->find("hops")->as_integer(),
            1);
  EXPECT_EQ(bound_from(*at_a, 5, {"a", "/"}, "/:x A", {"z", "/"}), std::nullopt);
}

TEST(FederationHeaders, BindingsDoNotGoWhereTheyCameFrom) {
  const auto at_b = bound_from({}, 5, {"a", "/"}, "/:x A", {"b", "/"});
  ASSERT_TRUE(at_b);
  EXPECT_EQ(bound_from(*at_b, 5, {"b", "/"}, "/:x A", {"a", "/"}), std::nullopt);
  EXPECT_TRUE(bound_from(*at_b, 5, {"b", "/"}, "/:x A", {"a", "other"}));
}

}  // namespace
}  // namespace leveret::links
