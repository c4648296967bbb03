#include "broker/core/chunked_fifo.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>

namespace leveret::broker {
namespace {

TEST(ChunkedFifo, GivesInTheOrderItTook) {
  ChunkedFifo<int> list;
  EXPECT_TRUE(list.empty());
  for (int i = 0; i < 1000; ++i) list.push_back(i);
  EXPECT_EQ(list.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(list.front(), i);
    EXPECT_EQ(list.pop_front(), i);
  }
  EXPECT_TRUE(list.empty());
}

// Goal: what is held is let go when it leaves, is cleared, or the list ends.
TEST(ChunkedFifo, LetsGoOfWhatItHeld) {
  const auto watched = std::make_shared<int>(1);
  {
    ChunkedFifo<std::shared_ptr<int>> list;
    for (int i = 0; i < 300; ++i) list.push_back(watched);
    EXPECT_EQ(watched.use_count(), 301);
    for (int i = 0; i < 140; ++i) list.pop_front();
    EXPECT_EQ(watched.use_count(), 161);
    list.clear();
    EXPECT_EQ(watched.use_count(), 1);
    EXPECT_TRUE(list.empty());
    for (int i = 0; i < 10; ++i) list.push_back(watched);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(ChunkedFifo, AgreesWithADeque) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ChunkedFifo<std::string> list;
  std::deque<std::string> expected;
  for (int round = 0; round < 20'000; ++round) {
    // Grows and shrinks in turns, through the sizes of the small chunk and of several large ones.
    const bool growing = (round / 1000) % 2 == 0;
    if (random() % 1000 == 0) {
      list.clear();
      expected.clear();
    } else if (random() % 10 < (growing ? 7U : 3U)) {
      expected.push_back("a value too long to be kept in place " + std::to_string(round));
      list.push_back(expected.back());
    } else if (!expected.empty()) {
      ASSERT_EQ(list.pop_front(), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(list.size(), expected.size());
    ASSERT_EQ(list.empty(), expected.empty());
    if (!expected.empty()) {
      ASSERT_EQ(list.front(), expected.front());
    }
  }
}

TEST(ChunkedFifoDeathTest, HasNoFrontWhenEmpty) {
  ChunkedFifo<int> list;
  EXPECT_DEATH(list.front(), "an empty list has no front");
}

}  // namespace
}  // namespace leveret::broker
