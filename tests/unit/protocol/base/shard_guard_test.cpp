#include "protocol/base/shard_guard.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace leveret {
namespace {

class Tally {
 public:
  void adopt() { guard_.adopt(); }
  int count() {
    guard_.assert_held();
    return ++count_;
  }

 private:
  ShardGuard guard_;
  int count_ LEVERET_GUARDED_BY(guard_) = 0;
};

TEST(ShardGuard, LetsTheThreadThatAdoptedTheShardPass) {
  Tally tally;
  std::thread([&] {
    tally.adopt();
    EXPECT_EQ(tally.count(), 1);
    EXPECT_EQ(tally.count(), 2);
  }).join();
}

#ifndef NDEBUG
// Goal: a shard touched by another thread is a bug that a debug build does not survive.
TEST(ShardGuardDeathTest, StopsEveryOtherThread) {
  Tally tally;
  tally.adopt();
  EXPECT_DEATH(std::thread([&] { tally.count(); }).join(), "only the shard's thread touches it");
}
#endif

}  // namespace
}  // namespace leveret
