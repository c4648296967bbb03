#include "broker/core/argument_equivalence.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldValue;

FieldTable table(std::initializer_list<std::pair<const char*, FieldValue>> fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

constexpr std::array<std::string_view, 3> names{"x-a", "x-b", "x-queue-type"};

std::string compared(const FieldTable& existing, const FieldTable& received) {
  const auto result =
      check_equivalent_arguments(names, "queue 'q' in vhost '/'", existing, received);
  return result ? "same" : result.error().reply_text();
}

std::string inequivalent_text(const std::string& received, const std::string& current,
                              const std::string& name = "x-a") {
  return "PRECONDITION_FAILED - inequivalent arg '" + name +
         "' for queue 'q' in vhost '/': received " + received + " but current is " + current;
}

// Goal: oslo.messaging looks for these very words.
TEST(ArgumentEquivalence, SaysWhichFlagDiffers) {
  EXPECT_TRUE(check_equivalent_flag("durable", "queue 'q' in vhost '/'", true, true));
  const auto result = check_equivalent_flag("durable", "queue 'q' in vhost '/'", true, false);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(),
            AmqpError::precondition_failed("inequivalent arg 'durable' for queue 'q' in vhost '/': "
                                           "received 'false' but current is 'true'"));
}

TEST(ArgumentEquivalence, ComparesNumbersByValue) {
  const auto with = [](FieldValue value) { return table({{"x-a", std::move(value)}}); };
  EXPECT_EQ(compared(with(FieldValue::int32(5)), with(FieldValue::int64(5))), "same");
  EXPECT_EQ(compared(with(FieldValue::uint8(5)), with(FieldValue::int16(5))), "same");
  EXPECT_EQ(compared(with(FieldValue::int32(5)), with(FieldValue::int32(6))),
            inequivalent_text("'6'", "'5'"));
}

TEST(ArgumentEquivalence, ShowsALoneValueWithItsType) {
  EXPECT_EQ(compared({}, table({{"x-a", FieldValue::int32(5)}})),
            inequivalent_text("the value '5' of type 'signedint'", "none"));
  EXPECT_EQ(compared(table({{"x-a", FieldValue::long_string("v")}}), {}),
            inequivalent_text("none", "the value 'v' of type 'longstr'"));
}

TEST(ArgumentEquivalence, LooksAtItsArgumentsOnlyAndInTheirOrder) {
  EXPECT_EQ(compared(table({{"x-other", FieldValue::int32(1)}}), {}), "same");
  EXPECT_EQ(compared(table({{"x-b", FieldValue::int32(1)}, {"x-a", FieldValue::int32(1)}}),
                     table({{"x-b", FieldValue::int32(2)}, {"x-a", FieldValue::int32(2)}})),
            inequivalent_text("'2'", "'1'"));
}

TEST(ArgumentEquivalence, TakesNoQueueTypeForClassic) {
  const FieldTable classic = table({{"x-queue-type", FieldValue::long_string("classic")}});
  const FieldTable quorum = table({{"x-queue-type", FieldValue::long_string("quorum")}});
  EXPECT_EQ(compared({}, classic), "same");
  EXPECT_EQ(compared(classic, {}), "same");
  EXPECT_EQ(compared({}, quorum), inequivalent_text("the value 'quorum' of type 'longstr'", "none",
                                                    "x-queue-type"));
  EXPECT_EQ(compared(quorum, classic), inequivalent_text("'classic'", "'quorum'", "x-queue-type"));
}

TEST(ArgumentEquivalence, ReadsExchangesFromLongStringsOnly) {
  const auto read = [](const FieldTable& arguments) {
    return text_argument("alternate-exchange", "exchange 'e' in vhost '/'", arguments);
  };
  EXPECT_EQ(*read({}), std::nullopt);
  EXPECT_EQ(**read(table({{"alternate-exchange", FieldValue::long_string("ae")}})), "ae");
  const auto wrong = read(table({{"alternate-exchange", FieldValue::int32(1)}}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reply_text(),
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in "
            "exchange 'e' in vhost '/'");
}

TEST(ArgumentEquivalence, TakesIntegersOfAnyWidth) {
  EXPECT_EQ(integer_argument(FieldValue::int8(-5)), -5);
  EXPECT_EQ(integer_argument(FieldValue::uint32(4'000'000'000)), 4'000'000'000);
  EXPECT_EQ(integer_argument(FieldValue::int64(INT64_MIN)), INT64_MIN);
  EXPECT_EQ(integer_argument(FieldValue::timestamp(5)), std::nullopt);
  EXPECT_EQ(integer_argument(FieldValue::float64(5)), std::nullopt);
  EXPECT_EQ(integer_argument(FieldValue::long_string("5")), std::nullopt);
}

}  // namespace
}  // namespace leveret::broker
