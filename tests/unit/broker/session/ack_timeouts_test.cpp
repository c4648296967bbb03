#include "broker/session/ack_timeouts.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

using Tags = std::vector<std::uint64_t>;

class AckTimeoutsTest : public testing::Test, private AckTimeouts::Owner {
 protected:
  void deliver(std::uint64_t tag, std::uint64_t timeout_ms) {
    open_.insert(tag);
    timeouts_.add(tag, {timeout_ms, AckTimeoutAction::requeue}, now_, open_.size());
  }
  /// Tags that were taken back by then.
  Tags advance(std::int64_t now) {
    now_ = Instant{now};
    timers_.advance(now_);
    return std::exchange(taken_, {});
  }

  std::set<std::uint64_t> open_, held_;
  TimerQueue timers_;
  AckTimeouts timeouts_{*this, timers_};
  Instant now_{0};
  Tags taken_;
  int fired_count_ = 0;

 private:
  void on_ack_timeout() override {
    ++fired_count_;
    while (const auto lapsed = timeouts_.take_lapsed(now_)) {
      taken_.push_back(lapsed->delivery_tag);
      open_.erase(lapsed->delivery_tag);
    }
  }
  State state_of(std::uint64_t tag) const override {
    if (open_.contains(tag)) return State::open;
    return held_.contains(tag) ? State::held : State::settled;
  }
};

TEST_F(AckTimeoutsTest, TakeBackWhatIsOpenAtItsTime) {
  deliver(1, 100);
  deliver(2, 50);
  deliver(3, 100);
  deliver(4, 200);
  open_.erase(3);
  EXPECT_EQ(timers_.next_deadline(), Instant{50});
  EXPECT_EQ(advance(49), Tags{});
  EXPECT_EQ(advance(50), Tags{2});
  EXPECT_EQ(advance(100), Tags{1});
  EXPECT_EQ(timers_.next_deadline(), Instant{200});
  EXPECT_EQ(advance(1000), Tags{4});
  EXPECT_EQ(timers_.next_deadline(), never);
}

// Goal: a transaction that is rolled back gives its deliveries a time again.
TEST_F(AckTimeoutsTest, WaitForWhatATransactionHolds) {
  deliver(1, 100);
  open_.erase(1);
  held_.insert(1);
  EXPECT_EQ(advance(100), Tags{});
  held_.erase(1);
  open_.insert(1);
  EXPECT_EQ(advance(199), Tags{});
  EXPECT_EQ(advance(200), Tags{1});
}

TEST_F(AckTimeoutsTest, NeverEndByAnOverflowOfTime) {
  deliver(1, UINT64_MAX);
  EXPECT_EQ(timers_.next_deadline(), never);
  deliver(2, 10);
  EXPECT_EQ(advance(10), Tags{2});
}

TEST_F(AckTimeoutsTest, StopWatching) {
  deliver(1, 10);
  timeouts_.stop();
  EXPECT_EQ(timers_.next_deadline(), never);
}

// Goal: one delivery that is held does not keep the trace of all that came after it, nor do their
// times fire one by one.
TEST_F(AckTimeoutsTest, ForgetWhatHasBeenSettled) {
  deliver(1, 1'000'000);
  for (std::uint64_t tag = 2; tag < 100'000; ++tag) {
    deliver(tag, 500'000);
    open_.erase(tag);
  }
  EXPECT_EQ(advance(500'000), Tags{});
  EXPECT_EQ(fired_count_, 1);
  EXPECT_EQ(advance(1'000'000), Tags{1});
}

TEST_F(AckTimeoutsTest, RememberOnceWhatWasTakenBack) {
  for (const std::uint64_t tag : {3, 5, 7, 9}) timeouts_.note_taken_back(tag);
  EXPECT_FALSE(timeouts_.forgive(4, false));
  EXPECT_TRUE(timeouts_.forgive(5, false));
  EXPECT_FALSE(timeouts_.forgive(5, false));
  EXPECT_TRUE(timeouts_.forgive(7, true));
  EXPECT_FALSE(timeouts_.forgive(3, false)) << "it was among those";
  EXPECT_TRUE(timeouts_.forgive(9, false));
}

TEST_F(AckTimeoutsTest, RememberTheLatestOfMany) {
  for (std::uint64_t tag = 1; tag <= 10'000; ++tag) timeouts_.note_taken_back(tag);
  EXPECT_FALSE(timeouts_.forgive(1, false));
  EXPECT_TRUE(timeouts_.forgive(10'000, false));
  EXPECT_TRUE(timeouts_.forgive(9'000, false));
}

TEST_F(AckTimeoutsTest, AgreeWithASimpleList) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<std::uint64_t, std::int64_t> deadlines;
  std::uint64_t tag = 0;
  std::int64_t now = 0;
  for (int round = 0; round < 20'000; ++round) {
    now += static_cast<std::int64_t>(random() % 3);
    std::set<std::uint64_t> expected;
    for (const auto& [known, deadline] : deadlines) {
      if (deadline <= now) expected.insert(known);
    }
    const Tags taken = advance(now);
    ASSERT_EQ(std::set<std::uint64_t>(taken.begin(), taken.end()), expected);
    for (const std::uint64_t one : expected) deadlines.erase(one);
    const std::uint64_t timeout_ms = 1 + random() % 3 * 40;
    deliver(++tag, timeout_ms);
    deadlines[tag] = now + static_cast<std::int64_t>(timeout_ms);
    if (random() % 4 != 0) {
      const auto settled = std::next(deadlines.begin(), random() % deadlines.size());
      open_.erase(settled->first);
      deadlines.erase(settled);
    }
  }
}

}  // namespace
}  // namespace leveret::broker
