#include "broker/core/timer_queue.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void(TestTimer&, Instant)> then) : then_(std::move(then)) {}

 private:
  void on_timer(Instant now) override { then_(*this, now); }
  std::function<void(TestTimer&, Instant)> then_;
};

TEST(TimerQueue, FiresWhatIsDueSoonestFirst) {
  TimerQueue timers;
  std::string fired;
  const auto named = [&](const char* name) {
    return TestTimer([&fired, name](TestTimer&, Instant) { fired += name; });
  };
  TestTimer a = named("a");
  TestTimer b = named("b");
  TestTimer c = named("c");
  EXPECT_EQ(timers.next_deadline(), never);
  timers.arm(a, Instant{30});
  timers.arm(b, Instant{10});
  timers.arm(c, Instant{20});
  EXPECT_EQ(timers.next_deadline(), Instant{10});
  timers.advance(Instant{9});
  EXPECT_EQ(fired, "");
  timers.advance(Instant{20});
  EXPECT_EQ(fired, "bc");
  EXPECT_FALSE(b.armed());
  EXPECT_TRUE(a.armed());
  timers.advance(Instant{100});
  EXPECT_EQ(fired, "bca");
  EXPECT_EQ(timers.next_deadline(), never);
}

TEST(TimerQueue, MovesAndCancels) {
  TimerQueue timers;
  int fired = 0;
  TestTimer timer([&](TestTimer&, Instant) { ++fired; });
  timers.arm(timer, Instant{10});
  timers.arm(timer, Instant{20});
  EXPECT_EQ(timer.deadline(), Instant{20});
  timers.advance(Instant{10});
  EXPECT_EQ(fired, 0);
  timers.arm(timer, never);
  EXPECT_FALSE(timer.armed());
  timers.arm(timer, Instant{20});
  timer.cancel();
  timer.cancel();
  timers.advance(Instant{100});
  EXPECT_EQ(fired, 0);
}

TEST(TimerQueue, ForgetsATimerThatHasGone) {
  TimerQueue timers;
  {
    TestTimer timer([](TestTimer&, Instant) { FAIL(); });
    timers.arm(timer, Instant{10});
  }
  EXPECT_EQ(timers.next_deadline(), never);
  timers.advance(Instant{10});
}

// Goal: no timer can hold the shard by arming itself again for the same instant.
TEST(TimerQueue, FiresEachOnceHoweverItArmsItself) {
  TimerQueue timers;
  int fired = 0;
  TestTimer timer([&](TestTimer& self, Instant now) {
    ++fired;
    timers.arm(self, now);
  });
  timers.arm(timer, Instant{10});
  timers.advance(Instant{10});
  EXPECT_EQ(fired, 1);
  timers.advance(Instant{10});
  EXPECT_EQ(fired, 2);
}

// Goal: what a timer does to another that is due with it holds.
TEST(TimerQueue, LetsOneTimerCancelAnother) {
  TimerQueue timers;
  std::string fired;
  auto second = std::make_unique<TestTimer>([&](TestTimer&, Instant) { fired += "second"; });
  TestTimer third([&](TestTimer&, Instant) { fired += "third"; });
  TestTimer first([&](TestTimer&, Instant) {
    fired += "first";
    second.reset();
    timers.arm(third, Instant{50});
  });
  timers.arm(first, Instant{1});
  timers.arm(*second, Instant{2});
  timers.arm(third, Instant{3});
  timers.advance(Instant{10});
  EXPECT_EQ(fired, "first");
  timers.advance(Instant{50});
  EXPECT_EQ(fired, "firstthird");
}

}  // namespace
}  // namespace leveret::broker
