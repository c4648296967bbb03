#include "protocol/base/assert.hpp"

#include <gtest/gtest.h>

namespace leveret {
namespace {

// Goal: a broken invariant stops the process and says what it was and where, in every build.
TEST(AssertDeathTest, SaysWhatDoesNotHold) {
  const int consumers = -1;
  EXPECT_DEATH(LEVERET_ASSERT(consumers >= 0, "a queue has no negative consumers"),
               "assert_test.cpp:[0-9]+: .*a queue has no negative consumers.*consumers >= 0");
}

TEST(Assert, LetsPassWhatHoldsAndEvaluatesItOnce) {
  int evaluations = 0;
  LEVERET_ASSERT(++evaluations == 1, "the condition is evaluated once");
  EXPECT_EQ(evaluations, 1);
}

}  // namespace
}  // namespace leveret
