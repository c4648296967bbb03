/// Field values as RabbitMQ shows them; expected texts printed by Erlang/OTP 25.
#include "broker/core/argument_value.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

using namespace std::string_literals;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

TEST(ArgumentValue, ShowsRealNumbersShortly) {
  const std::vector<std::pair<double, std::string>> cases{
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.01, "0.01"},
      {0.001, "0.001"},
      {1e-4, "0.0001"},
      {1.23e-4, "1.23e-4"},
      {1e-7, "1.0e-7"},
      {10.0, "10.0"},
      {100.0, "100.0"},
      {1000.0, "1.0e3"},
      {1200.0, "1.2e3"},
      {1230.0, "1230.0"},
      {60000.0, "6.0e4"},
      {123456789.0, "123456789.0"},
      {1e22, "1.0e22"},
      {3.141592653589793, "3.141592653589793"},
      {9007199254740991.0, "9007199254740991.0"},
      {9007199254740992.0, "9.007199254740992e15"},
      {33391867629773164.0, "3.3391867629773164e16"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e308"},
      {std::numeric_limits<double>::denorm_min(), "5.0e-324"},
  };
  for (const auto& [value, expected] : cases) {
    EXPECT_EQ(term_text(FieldValue::float64(value)), expected);
  }
  // A 32-bit number is shown with the digits that its 64-bit form needs.
  EXPECT_EQ(term_text(FieldValue::float32(0.1F)), "0.10000000149011612");
}

TEST(ArgumentValue, ShowsBytesAsTextOnlyWhenAllArePrintable) {
  const auto shown = [](std::string bytes) {
    return term_text(FieldValue::long_string(std::move(bytes)));
  };
  EXPECT_EQ(shown(""), "<<>>");
  EXPECT_EQ(shown("abc"), "<<\"abc\">>");
  EXPECT_EQ(shown("q\"x\\y\n"), R"(<<"q\"x\\y\n">>)");
  EXPECT_EQ(shown("\b\t\v\f\r\x1b"), R"(<<"\b\t\v\f\r\e">>)");
  EXPECT_EQ(shown("a\xff"), "<<\"a\xff\">>");
  EXPECT_EQ(shown("a\x7f"), "<<97,127>>");
  EXPECT_EQ(shown("a\x80"), "<<97,128>>");
  EXPECT_EQ(shown("\0"s), "<<0>>");
  EXPECT_EQ(byte_list_text("x\"y"), R"("x\"y")");
  EXPECT_EQ(byte_list_text("x\x01"), "[120,1]");
  EXPECT_EQ(byte_list_text(""), "[]");
}

TEST(ArgumentValue, ShowsContainersWithTheTypesOfTheirElements) {
  FieldTable table;
  table.set("k", FieldValue::boolean(false));
  table.set("t", FieldValue::table({}));
  EXPECT_EQ(term_text(FieldValue::table(table)), "[{<<\"k\">>,bool,false},{<<\"t\">>,table,[]}]");
  EXPECT_EQ(term_text(FieldValue::array({FieldValue::void_value(), FieldValue::decimal({2, 314}),
                                         FieldValue::timestamp(7), FieldValue::uint8(200)})),
            "[{void,undefined},{decimal,{2,314}},{timestamp,7},{unsignedbyte,200}]");
  EXPECT_EQ(bare_term_text(FieldValue::long_string("a\n\xff")), "a\n\xff");
  EXPECT_EQ(bare_term_text(FieldValue::byte_array("")), "");
  EXPECT_EQ(bare_term_text(FieldValue::int16(-5)), "-5");
}

TEST(ArgumentValue, ShowsTheWholeRangeOfIntegers) {
  EXPECT_EQ(term_text(FieldValue::int64(std::numeric_limits<std::int64_t>::min())),
            "-9223372036854775808");
  EXPECT_EQ(term_text(FieldValue::timestamp(std::numeric_limits<std::uint64_t>::max())),
            "18446744073709551615");
}

TEST(ArgumentValue, ComparesNumbersByRule) {
  const FieldValue one = FieldValue::int32(1);
  EXPECT_TRUE(equal_terms(one, FieldValue::float64(1.0), NumberRule::numeric));
  EXPECT_TRUE(equal_terms(FieldValue::float64(1.0), one, NumberRule::numeric));
  EXPECT_FALSE(equal_terms(one, FieldValue::float64(1.0), NumberRule::exact));
  EXPECT_FALSE(equal_terms(one, FieldValue::float64(1.5), NumberRule::numeric));
  EXPECT_TRUE(equal_terms(one, FieldValue::timestamp(1), NumberRule::exact));
  EXPECT_FALSE(equal_terms(one, FieldValue::boolean(true), NumberRule::numeric));
  EXPECT_FALSE(equal_terms(FieldValue::int64(-1),
                           FieldValue::timestamp(std::numeric_limits<std::uint64_t>::max()),
                           NumberRule::numeric));
  EXPECT_FALSE(equal_terms(FieldValue::int64(0), FieldValue::float64(1e300), NumberRule::numeric));
  EXPECT_FALSE(equal_terms(
      FieldValue::int64(0), FieldValue::float64(std::numeric_limits<double>::infinity()),
      NumberRule::numeric));
}

// Goal: whoever looks values up by their hash finds all that are equal.
TEST(ArgumentValue, HashesEqualTermsAlike) {
  FieldTable table;
  table.set("a", FieldValue::int32(1));
  const std::vector<FieldValue> values{
      FieldValue::int32(1),
      FieldValue::uint8(1),
      FieldValue::timestamp(1),
      FieldValue::float32(1),
      FieldValue::float64(1),
      FieldValue::int64(0),
      FieldValue::float64(0),
      FieldValue::float64(-0.0),
      FieldValue::int8(-3),
      FieldValue::float32(-3),
      FieldValue::timestamp(std::uint64_t{1} << 63U),
      FieldValue::float64(9223372036854775808.0),
      FieldValue::int64(std::numeric_limits<std::int64_t>::min()),
      FieldValue::float64(-9223372036854775808.0),
      FieldValue::int64(std::numeric_limits<std::int64_t>::max()),
      FieldValue::long_string("text"),
      FieldValue::byte_array("text"),
      FieldValue::boolean(true),
      FieldValue::boolean(false),
      FieldValue::decimal({1, 10}),
      FieldValue::array({}),
      FieldValue::table({}),
      FieldValue::table(table),
      FieldValue::void_value(),
  };
  std::size_t equal_count = 0;
  for (const FieldValue& left : values) {
    for (const FieldValue& right : values) {
      if (!equal_terms(left, right, NumberRule::numeric)) continue;
      ++equal_count;
      EXPECT_EQ(term_hash(left), term_hash(right)) << term_text(left) << " " << term_text(right);
    }
  }
  EXPECT_GT(equal_count, values.size() + 20);
  EXPECT_NE(term_hash(FieldValue::int32(1)), term_hash(FieldValue::int32(2)));
  EXPECT_NE(term_hash(FieldValue::long_string("a")), term_hash(FieldValue::long_string("b")));
}

TEST(ArgumentValue, HasRabbitMqsNamesOfTypes) {
  const std::vector<std::pair<FieldType, std::string>> names{
      {FieldType::boolean, "bool"},         {FieldType::int8, "byte"},
      {FieldType::uint8, "unsignedbyte"},   {FieldType::int16, "short"},
      {FieldType::uint16, "unsignedshort"}, {FieldType::int32, "signedint"},
      {FieldType::uint32, "unsignedint"},   {FieldType::int64, "long"},
      {FieldType::float32, "float"},        {FieldType::float64, "double"},
      {FieldType::decimal, "decimal"},      {FieldType::long_string, "longstr"},
      {FieldType::array, "array"},          {FieldType::timestamp, "timestamp"},
      {FieldType::table, "table"},          {FieldType::void_value, "void"},
      {FieldType::byte_array, "binary"}};
  for (const auto& [type, name] : names) EXPECT_EQ(type_name(type), name);
}

}  // namespace
}  // namespace leveret::broker
