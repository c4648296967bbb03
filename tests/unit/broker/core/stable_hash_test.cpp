/// The hash that routes are made with.
#include "broker/core/stable_hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <string>

namespace leveret::broker {
namespace {

// Goal: what was routed by it once is routed so for ever, so these values may not change. They were
// computed apart from this code.
TEST(StableHash, HasItsValues) {
  EXPECT_EQ(mix_bits(0), 0U);
  EXPECT_EQ(mix_bits(1), 0xB456BCFC34C2CB2CULL);
  EXPECT_EQ(stable_hash(""), 0xEFD01F60BA992926ULL);
  EXPECT_EQ(stable_hash("a"), 0x82A2A958A9BECE5BULL);
  EXPECT_EQ(stable_hash("order.eu.4711"), 0x414FD353B106EF59ULL);
  EXPECT_EQ(stable_hash("\xFF"), 0x1BBD5C813C69A8D7ULL);
  EXPECT_NE(stable_hash(std::string_view("\0", 1)), stable_hash(""));
}

// Goal: texts that differ in one letter say nothing about each other, in no bit.
TEST(StableHash, SpreadsSmallDifferencesOverAllBits) {
  constexpr int texts = 4000;
  std::array<int, 64> flips{};
  for (int i = 0; i < texts; ++i) {
    const std::uint64_t differing = stable_hash("key" + std::to_string(i)) ^
                                    stable_hash("key" + std::to_string(i + 1));
    for (std::size_t bit = 0; bit < flips.size(); ++bit) {
      flips[bit] += static_cast<int>(differing >> bit & 1);
    }
  }
  for (const int count : flips) EXPECT_NEAR(count, texts / 2, texts / 10);
}

}  // namespace
}  // namespace leveret::broker
