#include "broker/core/entry_fifo.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

QueueEntry entry(std::uint64_t position, Instant expires_at = never) {
  return {Message::create("", "q", {}, 0), Position{position}, expires_at, false};
}

using Positions = std::vector<std::uint64_t>;

std::uint64_t number_of(const QueueEntry& one) { return static_cast<std::uint64_t>(one.position); }

Positions take_due(EntryFifo& list, std::int64_t limit) {
  Positions positions;
  while (auto taken = list.take_due(Instant{limit})) positions.push_back(number_of(*taken));
  return positions;
}

Positions pop_all(EntryFifo& list) {
  Positions positions;
  while (!list.empty()) positions.push_back(number_of(list.pop_front()));
  return positions;
}

TEST(EntryFifo, IsAQueue) {
  EntryFifo list;
  EXPECT_EQ(list.next_expires_at(), never);
  for (std::uint64_t i = 1; i <= 300; ++i) list.push_back(entry(i));
  EXPECT_EQ(list.size(), 300U);
  EXPECT_EQ(list.next_expires_at(), never);
  for (std::uint64_t i = 1; i <= 300; ++i) ASSERT_EQ(number_of(list.pop_front()), i);
  EXPECT_TRUE(list.empty());
}

TEST(EntryFifo, TakesTheSoonestWhereverItIs) {
  EntryFifo list;
  const std::int64_t deadlines[] = {500, 100, 900, 300, 200, 300, 100};
  for (std::uint64_t i = 0; i < 7; ++i) list.push_back(entry(i, Instant{deadlines[i]}));
  EXPECT_EQ(list.next_expires_at(), Instant{100});
  EXPECT_EQ(take_due(list, 99), Positions{});
  EXPECT_EQ(take_due(list, 300), (Positions{1, 6, 4, 3, 5}));
  EXPECT_EQ(list.next_expires_at(), Instant{500});
  EXPECT_EQ(pop_all(list), (Positions{0, 2}));
}

// Goal: what has one time to live goes in the order in which it came, from however many runs.
TEST(EntryFifo, TakesEqualOnesInTheirOrder) {
  EntryFifo list;
  Positions expected;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    list.push_back(entry(i, i % 2 == 0 ? never : Instant{100}));
    if (i % 2 == 1) expected.push_back(i);
  }
  EXPECT_EQ(take_due(list, 100), expected);
  EXPECT_EQ(list.size(), 500U);
  EXPECT_EQ(list.next_expires_at(), never);
}

TEST(EntryFifo, VisitsWhatIsLeft) {
  EntryFifo list;
  for (std::uint64_t i = 0; i < 400; ++i) list.push_back(entry(i, i % 4 == 3 ? never : Instant{9}));
  list.push_back(entry(400));
  EXPECT_EQ(take_due(list, 9).size(), 300U);
  Positions visited;
  list.visit_after(90, [&](const QueueEntry& one) {
    visited.push_back(number_of(one));
    return visited.size() < 9;
  });
  EXPECT_EQ(visited, (Positions{363, 367, 371, 375, 379, 383, 387, 391, 395}));
}

// Goal: whatever is pushed, popped, taken out and swapped, the list is the one that a sorted map
// is, and says in time when something expires.
TEST(EntryFifo, AgreesWithASortedMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  EntryFifo list;
  std::map<std::uint64_t, Instant> expected;
  std::uint64_t last_position = 0;
  std::int64_t now = 0;
  bool growing = true;
  for (int round = 0; round < 60'000; ++round) {
    if (random() % 3000 == 0) growing = !growing;
    switch (random() % 8) {
      case 0: case 1: case 2: case 3: {
        if (!growing && random() % 3 != 0) break;
        Instant expires_at = never;
        if (random() % 3 != 0) expires_at = Instant{now + static_cast<int>(random() % 4000)};
        list.push_back(entry(++last_position, expires_at));
        expected.emplace(last_position, expires_at);
        break;
      }
      case 4: case 5:
        if (expected.empty() || (growing && random() % 2 == 0)) break;
        ASSERT_EQ(number_of(list.front()), expected.begin()->first);
        list.pop_front();
        expected.erase(expected.begin());
        break;
      case 6: {
        now += static_cast<int>(random() % 20);
        const auto by_deadline = [](const auto& left, const auto& right) {
          return left.second < right.second;
        };
        for (;;) {
          const auto soonest = std::min_element(expected.begin(), expected.end(), by_deadline);
          if (soonest == expected.end() || soonest->second > Instant{now}) break;
          ASSERT_LE(list.next_expires_at(), soonest->second);
          const auto taken = list.take_due(Instant{now});
          ASSERT_TRUE(taken.has_value());
          ASSERT_EQ(taken->expires_at, soonest->second);
          ASSERT_EQ(expected.erase(number_of(*taken)), 1U);
        }
        ASSERT_FALSE(list.take_due(Instant{now}).has_value());
        break;
      }
      case 7: {
        if (random() % 100 != 0) break;
        EntryFifo other;
        other.swap(list);
        EXPECT_TRUE(list.empty());
        if (random() % 2 == 0) list.swap(other);
        if (!other.empty()) expected.clear();
        break;
      }
    }
    ASSERT_EQ(list.size(), expected.size());
  }
  for (const auto& [position, expires_at] : expected) {
    ASSERT_EQ(number_of(list.pop_front()), position);
  }
}

}  // namespace
}  // namespace leveret::broker
