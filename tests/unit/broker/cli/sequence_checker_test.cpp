#include "broker/cli/sequence_checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace leveret::cli {
namespace {

TEST(SequenceChecker, NotesEachNumberOnce) {
  SequenceChecker checker;
  EXPECT_TRUE(checker.note(0));
  EXPECT_FALSE(checker.note(0));
  EXPECT_TRUE(checker.note(1));
  EXPECT_EQ(checker.seen_count(), 2u);
}

TEST(SequenceChecker, KnowsNumbersThatItNoLongerKeeps) {
  SequenceChecker checker;
  for (std::uint64_t number = 0; number < 1000; ++number) EXPECT_TRUE(checker.note(number));
  EXPECT_FALSE(checker.note(3));
  EXPECT_EQ(checker.seen_count(), 1000u);
}

// Goal: whatever the order, and however often, it says what a set would say.
TEST(SequenceChecker, AgreesWithASet) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  SequenceChecker checker;
  std::set<std::uint64_t> model;
  std::vector<std::uint64_t> numbers(500);
  std::iota(numbers.begin(), numbers.end(), 0);
  numbers.insert(numbers.end(), numbers.begin(), numbers.begin() + 100);
  std::shuffle(numbers.begin(), numbers.end(), random);
  for (const std::uint64_t number : numbers) {
    EXPECT_EQ(checker.note(number), model.insert(number).second) << number;
  }
  EXPECT_EQ(checker.seen_count(), model.size());
}

}  // namespace
}  // namespace leveret::cli
