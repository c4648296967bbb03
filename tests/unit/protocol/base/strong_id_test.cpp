#include "protocol/base/strong_id.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>
#include <unordered_set>

namespace leveret {
namespace {

using LeafId = StrongId<struct LeafTag, std::uint32_t>;
using TwigId = StrongId<struct TwigTag, std::uint32_t>;

// Goal: ids of different kinds, and bare numbers, do not turn into each other.
static_assert(!std::is_convertible_v<std::uint32_t, LeafId>);
static_assert(!std::is_convertible_v<LeafId, std::uint32_t>);
static_assert(!std::is_constructible_v<LeafId, TwigId>);
static_assert(sizeof(LeafId) == sizeof(std::uint32_t));

TEST(StrongId, IsOrderedByItsNumber) {
  EXPECT_LT(LeafId(1), LeafId(2));
  EXPECT_EQ(LeafId(7), LeafId(7));
  EXPECT_EQ(LeafId(), LeafId(0));
  EXPECT_EQ(LeafId(41).next(), LeafId(42));
}

TEST(StrongId, CanBeTheKeyOfASet) {
  const std::unordered_set<LeafId> leaves{LeafId(1), LeafId(2), LeafId(1)};
  EXPECT_EQ(leaves.size(), 2u);
  EXPECT_TRUE(leaves.contains(LeafId(2)));
  EXPECT_FALSE(leaves.contains(LeafId(3)));
}

}  // namespace
}  // namespace leveret
