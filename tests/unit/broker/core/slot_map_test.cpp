#include "broker/core/slot_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

using Map = SlotMap<std::unique_ptr<int>>;

TEST(SlotMap, FindsTenantsByTheirNumber) {
  Map map;
  const Slot first = map.insert(std::make_unique<int>(1));
  const Slot second = map.insert(std::make_unique<int>(2));
  EXPECT_NE(first, second);
  EXPECT_NE(first.generation, 0U);
  EXPECT_EQ(**map.find(first), 1);
  EXPECT_EQ(**map.find(second), 2);
  EXPECT_EQ(map.size(), 2U);
}

// Goal: a stale number finds nothing, never a stranger.
TEST(SlotMap, FindsNobodyBehindAStaleNumber) {
  Map map;
  const Slot old = map.insert(std::make_unique<int>(1));
  EXPECT_EQ(*map.remove(old), 1);
  EXPECT_EQ(map.find(old), nullptr);
  const Slot next = map.insert(std::make_unique<int>(2));
  EXPECT_EQ(next.index, old.index);  // The place is used again.
  EXPECT_EQ(map.find(old), nullptr);
  EXPECT_EQ(**map.find(next), 2);
}

TEST(SlotMap, FindsNobodyBehindMadeUpNumbers) {
  Map map;
  EXPECT_EQ(map.find(Slot{}), nullptr);
  const Slot slot = map.insert(std::make_unique<int>(1));
  EXPECT_EQ(map.find({slot.index, 0}), nullptr);
  EXPECT_EQ(map.find({slot.index + 1, slot.generation}), nullptr);
  EXPECT_EQ(map.find({UINT32_MAX, 1}), nullptr);
}

TEST(SlotMap, KeepsAPlaceEmptyUntilItIsFilled) {
  Map map;
  const Slot kept = map.reserve();
  EXPECT_EQ(map.find(kept), nullptr);
  EXPECT_EQ(map.size(), 0U);
  const Slot other = map.insert(std::make_unique<int>(2));
  EXPECT_NE(other.index, kept.index);
  map.fill(kept, std::make_unique<int>(1));
  EXPECT_EQ(**map.find(kept), 1);
  EXPECT_EQ(map.size(), 2U);
}

TEST(SlotMap, AgreesWithAMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Map map;
  std::map<Slot, int> expected;
  std::vector<Slot> all;
  for (int round = 0; round < 10'000; ++round) {
    if (expected.empty() || random() % 2 == 0) {
      const Slot slot = map.insert(std::make_unique<int>(round));
      ASSERT_TRUE(expected.emplace(slot, round).second) << "a number was given twice";
      all.push_back(slot);
    } else {
      const auto place = std::next(expected.begin(), random() % expected.size());
      ASSERT_EQ(*map.remove(place->first), place->second);
      expected.erase(place);
    }
    ASSERT_EQ(map.size(), expected.size());
    const Slot any = all[random() % all.size()];
    const auto wanted = expected.find(any);
    auto* found = map.find(any);
    ASSERT_EQ(found != nullptr, wanted != expected.end());
    if (found != nullptr) {
      ASSERT_EQ(**found, wanted->second);
    }
  }
  std::size_t visited = 0;
  map.for_each([&](const std::unique_ptr<int>& value) {
    EXPECT_NE(value, nullptr);
    ++visited;
  });
  EXPECT_EQ(visited, expected.size());
}

}  // namespace
}  // namespace leveret::broker
