#include "broker/admin/properties_key.hpp"

#include <gtest/gtest.h>

namespace leveret::admin {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;

std::string key_of(std::string routing_key, const FieldTable& arguments = {}) {
  return properties_key({"/", "e", true, "q", std::move(routing_key), arguments});
}

TEST(PropertiesKey, IsTheRoutingKeyAsFormsWriteIt) {
  EXPECT_EQ(key_of(""), "~");
  EXPECT_EQ(key_of("plain-key_1.x"), "plain-key_1.x");
  EXPECT_EQ(key_of("a.*.# b~ü"), "a.%2A.%23+b%7E%C3%BC");
}

TEST(PropertiesKey, TellsArgumentsApartByAHash) {
  FieldTable ab, ba, other;
  ab.set("a", FieldValue::int64(1));
  ab.set("b", FieldValue::long_string("x"));
  ba.set("b", FieldValue::long_string("x"));
  ba.set("a", FieldValue::int64(1));
  other.set("a", FieldValue::int64(2));
  EXPECT_EQ(key_of("k", ab), key_of("k", ba));
  EXPECT_NE(key_of("k", ab), key_of("k", other));
  EXPECT_TRUE(key_of("k", ab).starts_with("k~"));
  EXPECT_TRUE(key_of("", ab).starts_with("~"));
  EXPECT_EQ(key_of("k", ab).size(), 2 + 6);  // Four bytes in base64, without padding.
}

}  // namespace
}  // namespace leveret::admin
