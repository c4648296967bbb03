#include "protocol/field_value.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "protocol/field_table.hpp"

namespace leveret::protocol {
namespace {

TEST(FieldValue, GivesIntegersOfEveryWidth) {
  EXPECT_EQ(FieldValue::int8(-128).as_integer(), -128);
  EXPECT_EQ(FieldValue::uint8(255).as_integer(), 255);
  EXPECT_EQ(FieldValue::int16(-32768).as_integer(), -32768);
  EXPECT_EQ(FieldValue::uint16(65535).as_integer(), 65535);
  EXPECT_EQ(FieldValue::int32(std::numeric_limits<std::int32_t>::min()).as_integer(), -2147483648);
  EXPECT_EQ(FieldValue::uint32(4294967295).as_integer(), 4294967295);
  EXPECT_EQ(FieldValue::int64(std::numeric_limits<std::int64_t>::min()).as_integer(),
            std::numeric_limits<std::int64_t>::min());
}

// Goal: each accessor gives its own types only, never something converted.
TEST(FieldValue, GivesNothingOfAnotherType) {
  const FieldValue values[] = {
      FieldValue::boolean(true),     FieldValue::int32(1),
      FieldValue::float64(1),        FieldValue::decimal({1, 1}),
      FieldValue::long_string("1"),  FieldValue::timestamp(1),
      FieldValue::table({}),         FieldValue::array({}),
      FieldValue::void_value(),
  };
  for (const FieldValue& value : values) {
    const FieldType type = value.type();
    const auto name = type_name(type);
    EXPECT_EQ(value.as_bool().has_value(), type == FieldType::boolean) << name;
    EXPECT_EQ(value.as_integer().has_value(), type == FieldType::int32) << name;
    EXPECT_EQ(value.as_double().has_value(), type == FieldType::float64) << name;
    EXPECT_EQ(value.as_decimal().has_value(), type == FieldType::decimal) << name;
    EXPECT_EQ(value.as_string().has_value(), type == FieldType::long_string) << name;
    EXPECT_EQ(value.as_timestamp().has_value(), type == FieldType::timestamp) << name;
    EXPECT_EQ(value.as_table() != nullptr, type == FieldType::table) << name;
    EXPECT_EQ(value.as_array() != nullptr, type == FieldType::array) << name;
  }
}

TEST(FieldValue, GivesBytesAsAString) {
  EXPECT_EQ(FieldValue::byte_array(std::string("a\0b", 3)).as_string(),
            std::string_view("a\0b", 3));
}

TEST(FieldValue, IsVoidFromTheStart) {
  EXPECT_EQ(FieldValue(), FieldValue::void_value());
  EXPECT_EQ(FieldValue().type(), FieldType::void_value);
}

TEST(FieldValue, IsEqualInTypeAndValue) {
  EXPECT_EQ(FieldValue::int32(5), FieldValue::int32(5));
  EXPECT_FALSE(FieldValue::int32(5) == FieldValue::int32(6));
  EXPECT_FALSE(FieldValue::int32(5) == FieldValue::int64(5));
  EXPECT_FALSE(FieldValue::long_string("a") == FieldValue::byte_array("a"));
  EXPECT_FALSE(FieldValue::timestamp(5) == FieldValue::int64(5));
}

// Goal: whatever a client sends can be found again.
TEST(FieldValue, EqualsItselfAlsoWhenItIsNoNumber) {
  constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(FieldValue::float64(no_number), FieldValue::float64(-no_number));
  EXPECT_EQ(FieldValue::array({FieldValue::float32(std::numeric_limits<float>::quiet_NaN())}),
            FieldValue::array({FieldValue::float32(std::numeric_limits<float>::quiet_NaN())}));
  EXPECT_FALSE(FieldValue::float64(no_number) == FieldValue::float64(1));
  EXPECT_FALSE(FieldValue::float64(1) == FieldValue::float64(no_number));
  EXPECT_FALSE(FieldValue::float64(no_number) == FieldValue::int32(1));
}

TEST(FieldValue, IsEqualInWhatLiesWithin) {
  const auto nested = [](int value) {
    FieldTable table;
    table.set("a", FieldValue::array({FieldValue::int32(value)}));
    return FieldValue::table(std::move(table));
  };
  EXPECT_EQ(nested(1), nested(1));
  EXPECT_FALSE(nested(1) == nested(2));
}

// Goal: RabbitMQ's equality of arguments, where a client's choice of width does not matter.
TEST(FieldValue, HasTheSameValueWhateverTheWidthOfAnInteger) {
  EXPECT_TRUE(FieldValue::int8(5).same_value(FieldValue::int64(5)));
  EXPECT_TRUE(FieldValue::uint32(5).same_value(FieldValue::int16(5)));
  EXPECT_FALSE(FieldValue::uint8(255).same_value(FieldValue::int8(-1)));
  EXPECT_FALSE(FieldValue::int64(5).same_value(FieldValue::timestamp(5)));
  EXPECT_FALSE(FieldValue::int64(5).same_value(FieldValue::float64(5)));
  EXPECT_TRUE(FieldValue::long_string("a").same_value(FieldValue::long_string("a")));
  EXPECT_FALSE(FieldValue::long_string("5").same_value(FieldValue::int32(5)));
}

TEST(FieldValue, SharesWhatLiesWithinWhenCopied) {
  const FieldValue value = FieldValue::array(FieldArray(1000, FieldValue::int32(1)));
  const FieldValue copy = value;
  EXPECT_EQ(copy.as_array(), value.as_array());
}

}  // namespace
}  // namespace leveret::protocol
