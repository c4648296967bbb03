#include "broker/core/deduplication_window.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/field_value.hpp"

namespace leveret::broker {
namespace {

using protocol::FieldValue;

class DeduplicationWindowTest : public testing::Test {
 protected:
  void add(DeduplicationWindow& window, const std::string& key, std::int64_t now,
           Instant expires_at = never) {
    window.add({make_seen_record(key, std::nullopt), expires_at}, Instant{now},
               [this](const SeenValue& value) {
                 forgotten_.emplace_back(key_of_seen_record(*value.record));
               });
  }

  std::vector<std::string> forgotten_;
};

TEST_F(DeduplicationWindowTest, ForgetsTheOldestFirst) {
  DeduplicationWindow window(2);
  for (const char* key : {"a", "b", "c"}) add(window, key, 0);
  EXPECT_EQ(forgotten_, std::vector<std::string>{"a"});
  EXPECT_FALSE(window.contains("a", Instant{0}));
  EXPECT_TRUE(window.contains("b", Instant{0}));
  EXPECT_TRUE(window.contains("c", Instant{0}));
  EXPECT_EQ(window.size(), 2U);
}

TEST_F(DeduplicationWindowTest, ContainsAValueUntilItsTime) {
  DeduplicationWindow window(10);
  add(window, "a", 0, Instant{100});
  EXPECT_TRUE(window.contains("a", Instant{99}));
  EXPECT_FALSE(window.contains("a", Instant{100}));
  add(window, "a", 100);
  EXPECT_EQ(forgotten_, std::vector<std::string>{"a"}) << "the one before it";
  EXPECT_TRUE(window.contains("a", Instant{1'000'000}));
  EXPECT_EQ(window.size(), 1U);
}

// Goal: what has expired makes room although the window is not full, and no turn does all of that.
TEST_F(DeduplicationWindowTest, LetsGoOfWhatHasExpiredABoundedNumberAtATime) {
  DeduplicationWindow window(1'000'000);
  for (int i = 0; i < 100; ++i) add(window, std::to_string(i), 0, Instant{100});
  EXPECT_EQ(window.size(), 100U);
  add(window, "first", 200);
  EXPECT_LT(window.size(), 100U);
  EXPECT_GT(window.size(), 50U);
  for (int i = 0; i < 10; ++i) add(window, "later " + std::to_string(i), 200);
  EXPECT_EQ(window.size(), 11U);
  EXPECT_EQ(forgotten_.size(), 100U);
}

TEST(SeenRecord, KeepsKeyAndTime) {
  const std::string key("any\0bytes", 9);
  const MessageRef record = make_seen_record(key, WallTime{1'700'000'000'000});
  EXPECT_TRUE(is_seen_record(*record));
  EXPECT_EQ(key_of_seen_record(*record), key);
  EXPECT_EQ(expiry_of_seen_record(*record), WallTime{1'700'000'000'000});
  EXPECT_EQ(expiry_of_seen_record(*make_seen_record("", std::nullopt)), std::nullopt);
  constexpr std::array<std::byte, 2> no_properties{};
  EXPECT_FALSE(is_seen_record(*Message::create("x", "", no_properties, 100)));
  EXPECT_FALSE(is_seen_record(*Message::create("", "", no_properties, 7))) << "too short";
}

TEST(DeduplicationKey, IsTheSameForWhatHoldsTheSame) {
  EXPECT_EQ(deduplication_key(FieldValue::int8(1)), deduplication_key(FieldValue::int64(1)));
  EXPECT_EQ(deduplication_key(FieldValue::long_string("a")),
            deduplication_key(FieldValue::byte_array("a")));
  EXPECT_NE(deduplication_key(FieldValue::int32(1)),
            deduplication_key(FieldValue::long_string("1")));
  EXPECT_NE(deduplication_key(FieldValue::int32(1)), deduplication_key(FieldValue::float64(1)));
  EXPECT_NE(deduplication_key(FieldValue::long_string("a")),
            deduplication_key(FieldValue::long_string("a\"")));
}

}  // namespace
}  // namespace leveret::broker
