#include "storage/store_state.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>

namespace leveret::storage {
namespace {

/// Applies records that are made here.
class StoreStateTest : public ::testing::Test {
 protected:
  void apply(std::uint32_t segment, RecordKind kind, std::span<const std::byte> payload,
             std::uint32_t first_ordinal = 0) {
    RecordHeader header;
    header.kind = kind;
    header.first_ordinal = first_ordinal;
    header.size_bytes = static_cast<std::uint32_t>(sizeof(header) + payload.size());
    state.apply(segment, {header, payload});
  }
  void message(std::uint32_t segment, std::uint32_t first_ordinal, std::uint32_t queue_count,
               std::size_t size_bytes = 0) {
    MessageHeader header;
    header.queue_count = queue_count;
    std::vector<std::byte> payload(sizeof(header) + queue_count * 8 + size_bytes);
    std::memcpy(payload.data(), &header, sizeof(header));
    apply(segment, RecordKind::message, payload, first_ordinal);
  }
  void settled(std::vector<ReferenceRun> runs) {
    apply(9, RecordKind::settled, std::as_bytes(std::span(runs)));
  }
  void delivered(std::vector<ReferenceRun> runs) {
    apply(9, RecordKind::delivered, std::as_bytes(std::span(runs)));
  }
  void returned(std::vector<ReferenceReturns> returns) {
    apply(9, RecordKind::returned, std::as_bytes(std::span(returns)));
  }
  void define(const std::string& key, const std::string& value) {
    const auto size = static_cast<std::uint32_t>(key.size());
    std::string payload(reinterpret_cast<const char*>(&size), sizeof(size));
    payload += key + value;
    apply(9, RecordKind::define, std::as_bytes(std::span(payload)));
  }
  void undefine(RecordKind kind, const std::string& key) {
    apply(9, kind, std::as_bytes(std::span(key)));
  }
  StoreState state;
};

TEST_F(StoreStateTest, CountsReferences) {
  message(1, 0, 2);
  message(1, 2, 1);
  message(2, 0, 3);
  EXPECT_EQ(state.segments().at(1).reference_count, 3U);
  EXPECT_EQ(state.segments().at(1).live_count, 3U);
  EXPECT_EQ(state.segments().at(2).live_count, 3U);
  settled({{1, 1, 2}, {2, 0, 1}});
  EXPECT_EQ(state.segments().at(1).live_count, 1U);
  EXPECT_FALSE(state.segments().at(1).settled.test(0));
  EXPECT_TRUE(state.segments().at(1).settled.test(1));
  EXPECT_TRUE(state.segments().at(1).settled.test(2));
  EXPECT_EQ(state.segments().at(2).live_count, 2U);
  delivered({{2, 1, 1}});
  EXPECT_TRUE(state.segments().at(2).delivered.test(1));
  EXPECT_FALSE(state.segments().at(2).delivered.test(2));
}

// Goal: the latest that is said of a reference counts, whatever was said before.
TEST_F(StoreStateTest, CountsReturns) {
  message(1, 0, 3);
  delivered({{1, 0, 2}});
  returned({{{1, 0}, {1, false}}, {{1, 1}, {1, false}}, {{1, 1}, {1, true}}});
  const SegmentState& segment = state.segments().at(1);
  EXPECT_EQ(segment.return_count(0), 1U);
  EXPECT_FALSE(segment.delivered.test(0));
  EXPECT_EQ(segment.return_count(1), 1U);
  EXPECT_TRUE(segment.delivered.test(1));
  EXPECT_EQ(segment.return_count(2), 0U);
  returned({{{1, 1}, {7, false}}, {{1, 0}, {0, false}}});
  EXPECT_EQ(segment.return_count(1), 7U);
  EXPECT_FALSE(segment.delivered.test(1));
  EXPECT_EQ(segment.return_counts.size(), 1U);
}

// Goal: counts are kept of what is alive alone, and of nothing that is not there.
TEST_F(StoreStateTest, ForgetsReturnsOfWhatIsSettled) {
  message(1, 0, 5);
  for (std::uint32_t ordinal = 0; ordinal < 5; ++ordinal) returned({{{1, ordinal}, {2, false}}});
  settled({{1, 1, 3}});
  const SegmentState& segment = state.segments().at(1);
  EXPECT_EQ(segment.return_counts, (std::map<std::uint32_t, std::uint32_t>{{0, 2}, {4, 2}}));
  returned({{{1, 2}, {3, true}}, {{1, 5}, {3, true}}, {{8, 0}, {3, true}}});
  EXPECT_EQ(segment.return_counts.size(), 2U);
  EXPECT_FALSE(segment.delivered.test(2));
  EXPECT_FALSE(state.segments().contains(8));
}

TEST_F(StoreStateTest, SettlesEachReferenceOnce) {
  message(1, 0, 4);
  settled({{1, 0, 3}});
  settled({{1, 1, 3}});
  settled({{1, 0, 4}});
  EXPECT_EQ(state.segments().at(1).live_count, 0U);
  EXPECT_EQ(state.segments().at(1).live_size_bytes, 0U);
}

// Goal: references to what is gone or never was change nothing.
TEST_F(StoreStateTest, IgnoresReferencesToNothing) {
  message(1, 0, 2);
  settled({{7, 0, 100}, {1, 2, 1}, {1, UINT32_MAX, UINT32_MAX}});
  delivered({{7, 0, 100}, {1, 2, UINT32_MAX}});
  EXPECT_EQ(state.segments().size(), 1U);
  EXPECT_EQ(state.segments().at(1).live_count, 2U);
  settled({{1, 1, UINT32_MAX}});
  EXPECT_EQ(state.segments().at(1).live_count, 1U);
}

TEST_F(StoreStateTest, TakesWhatIsMissingBetweenForSettled) {
  message(1, 10, 2);
  EXPECT_EQ(state.segments().at(1).reference_count, 12U);
  EXPECT_EQ(state.segments().at(1).live_count, 2U);
  EXPECT_TRUE(state.segments().at(1).settled.test(9));
  EXPECT_FALSE(state.segments().at(1).settled.test(10));
}

TEST_F(StoreStateTest, IgnoresMessagesThatTheLogCannotHaveWritten) {
  message(1, 0, 2);
  message(1, 1, 2);                        // Back.
  message(1, reference_count_max + 1, 1);  // Far ahead.
  message(1, UINT32_MAX, 1);
  EXPECT_EQ(state.segments().at(1).reference_count, 2U);
  const std::vector<std::byte> too_short(10);
  apply(1, RecordKind::message, too_short, 2);
  apply(1, static_cast<RecordKind>(77), too_short, 2);
  EXPECT_EQ(state.segments().at(1).reference_count, 2U);
}

TEST_F(StoreStateTest, KnowsAboutHowMuchIsAlive) {
  for (std::uint32_t i = 0; i < 10; ++i) message(1, i, 1, 1000);
  const std::uint64_t all = state.segments().at(1).live_size_bytes;
  EXPECT_EQ(all, 10U * aligned(sizeof(RecordHeader) + sizeof(MessageHeader) + 8 + 1000));
  settled({{1, 0, 5}});
  EXPECT_EQ(state.segments().at(1).live_size_bytes, all / 2);
}

TEST_F(StoreStateTest, KeepsDefinitions) {
  define("queue/a", "1");
  define("queue/b", "2");
  define("queue/a", "3");
  define("", "empty");
  define("exchange/a", "");
  EXPECT_EQ(state.definitions(),
            (StoreState::Definitions{
                {"queue/a", "3"}, {"queue/b", "2"}, {"", "empty"}, {"exchange/a", ""}}));
  undefine(RecordKind::undefine, "queue/b");
  undefine(RecordKind::undefine, "queue/");
  EXPECT_EQ(state.definitions().size(), 3U);
  undefine(RecordKind::undefine_all, "queue/");
  EXPECT_EQ(state.definitions(), (StoreState::Definitions{{"", "empty"}, {"exchange/a", ""}}));
  undefine(RecordKind::undefine_all, "");
  EXPECT_TRUE(state.definitions().empty());
}

// Goal: bits that are set by the word are those that would be set one by one.
TEST(ReferenceBits, SetsRunsLikeSingleBits) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    ReferenceBits bits;
    std::set<std::uint32_t> expected;
    for (int i = 0; i < 10; ++i) {
      const auto first = static_cast<std::uint32_t>(random() % 300);
      const auto count = static_cast<std::uint32_t>(random() % 200);
      std::uint32_t added = 0;
      for (std::uint32_t bit = first; bit < first + count; ++bit) {
        if (expected.insert(bit).second) ++added;
      }
      EXPECT_EQ(bits.set(first, count), added);
    }
    for (std::uint32_t bit = 0; bit < 600; ++bit) {
      EXPECT_EQ(bits.test(bit), expected.contains(bit)) << bit;
      EXPECT_EQ(bits.count(bit), static_cast<std::uint32_t>(std::distance(
                                     expected.begin(), expected.lower_bound(bit))));
    }
  }
}

TEST_F(StoreStateTest, TellsWhatIsAliveManyAtOnce) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    state = {};
    const auto count = static_cast<std::uint32_t>(1 + random() % 300);
    message(1, 0, count);
    ReferenceBits found;
    std::set<std::uint32_t> expected;
    for (std::uint32_t i = 0; i < count; ++i) expected.insert(i);
    for (int i = 0; i < 4; ++i) {
      const auto first = static_cast<std::uint32_t>(random() % count);
      const auto length = static_cast<std::uint32_t>(random() % (i < 2 ? 5 : 130));
      if (i % 2 == 0) settled({{1, first, length}});
      if (i % 2 != 0) found.set(first, length);
      for (std::uint32_t n = first; n < first + length; ++n) expected.erase(n);
    }
    std::set<std::uint32_t> told;
    std::uint32_t end = 0;
    const SegmentState& segment = state.segments().at(1);
    segment.for_each_live_except(found, [&](std::uint32_t first, std::uint32_t length) {
      ASSERT_TRUE(told.empty() || first > end);  // No run could be longer.
      ASSERT_GT(length, 0U);
      for (std::uint32_t n = first; n < first + length; ++n) told.insert(n);
      end = first + length;
      state.settle({1, first, length});
    });
    ASSERT_EQ(told, expected) << round;
  }
}

}  // namespace
}  // namespace leveret::storage
