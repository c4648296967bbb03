#include "protocol/base/ring_buffer.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

namespace leveret {
namespace {

// Goal: whatever is pushed, popped and cut off, the list holds what a deque would.
TEST(RingBuffer, HoldsWhatADequeWould) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  RingBuffer<int> ring;
  std::deque<int> expected;
  for (int step = 0; step < 20'000; ++step) {
    const auto choice = random() % 100;
    if (choice < 52) {
      ring.push_back(step);
      expected.push_back(step);
    } else if (choice < 98 && !expected.empty()) {
      ASSERT_EQ(ring.pop_front(), expected.front());
      expected.pop_front();
    } else if (choice == 98) {
      const std::size_t kept = expected.size() - std::min<std::size_t>(expected.size(), 3);
      ring.truncate(kept);
      expected.resize(kept);
    } else if (choice == 99) {
      ring.trim(16);
    }
    ASSERT_EQ(ring.size(), expected.size());
    ASSERT_EQ(ring.empty(), expected.empty());
    if (expected.empty()) continue;
    ASSERT_EQ(ring.front(), expected.front());
    ASSERT_EQ(ring.back(), expected.back());
    const std::size_t at = random() % expected.size();
    ASSERT_EQ(ring[at], expected[at]);
  }
}

// Goal: what is popped or cut off is not kept alive by the list.
TEST(RingBuffer, LetsGoOfWhatLeaves) {
  RingBuffer<std::shared_ptr<int>> ring;
  const auto item = std::make_shared<int>(5);
  ring.push_back(item);
  ring.push_back(item);
  ring.push_back(item);
  EXPECT_EQ(item.use_count(), 4);
  ring.pop_front();
  EXPECT_EQ(item.use_count(), 3);
  ring.truncate(1);
  EXPECT_EQ(item.use_count(), 2);
}

TEST(RingBufferDeathTest, RefusesAPlaceBeyondTheEnd) {
  RingBuffer<int> ring;
  ring.push_back(1);
  EXPECT_DEATH(ring[1], "an item is within the list");
}

}  // namespace
}  // namespace leveret
