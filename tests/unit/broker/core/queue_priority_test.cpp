// Queues with priorities: x-max-priority.

#include <gtest/gtest.h>

#include "tests/unit/broker/core/queue_fixture.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

class RankedQueueTest : public QueueTest {};

QueueSettings ranked() {
  QueueSettings settings;
  settings.max_priority = 9;
  return settings;
}

TEST_P(RankedQueueTest, DeliversTheHighestPriorityFirst) {
  open(ranked());
  for (const int priority : {1, 5, 0, 5, 9, 1}) publish_ranked(priority);
  shards_.settle();
  EXPECT_EQ(get(), "9");
  consume();
  EXPECT_EQ(delivered(), "5 5 1 1 0");
}

// Goal: consumers get what comes while they can take it, as if each message came alone.
TEST_P(RankedQueueTest, OvertakesOnlyWhatHasToWait) {
  open(ranked());
  const ConsumerId consumer = consume(2);
  for (const int priority : {1, 9, 0, 5, 7}) publish_ranked(priority);
  EXPECT_EQ(delivered(), "1 9");
  shard().send(ShardId{0}, UpdateConsumer{queue_, consumer, 0, false});
  EXPECT_EQ(delivered(), "7 5 0");
  for (const int priority : {9, 0, 5}) publish_ranked(priority);
  EXPECT_EQ(delivered(), "9 0 5");
}

TEST_P(RankedQueueTest, TakesBackToTheOriginalPriority) {
  open(ranked());
  const ConsumerId consumer = consume(3);
  for (const int priority : {4, 4, 2, 2, 4}) publish_ranked(priority);
  shards_.settle();
  auto held = std::exchange(channel_.deliveries, {});
  ASSERT_EQ(held.size(), 3U);
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  for (Deliver& delivery : held) {
    delivery.entry.redelivered = true;
    shard().send(ShardId{0}, Requeue{queue_, consumer, false, std::move(delivery.entry)});
  }
  EXPECT_EQ(counts().ready_count, 5U);
  for (const char* body : {"4*", "4*", "4", "2*", "2", ""}) EXPECT_EQ(get(), body);
}

TEST_P(RankedQueueTest, ExpiresWhatIsDueWhateverItsPriority) {
  open(ranked());
  publish_ranked(1, 50);
  publish_ranked(3);
  publish_ranked(5, 50);
  shards_.advance(50ms);
  EXPECT_EQ(counts().ready_count, 1U) << "1 is behind 3, and over";
  EXPECT_EQ(get(), "3");
  EXPECT_EQ(counts().ready_count, 0U);
}

TEST_P(RankedQueueTest, DropsTheHighestPriorityOfWhatIsTooMuch) {
  QueueSettings settings = ranked();
  settings.max_length = 2;
  open(settings);
  for (const int priority : {1, 5, 3, 0}) publish_ranked(priority);
  EXPECT_EQ(counts().ready_count, 2U);
  EXPECT_EQ(get(), "1");
  EXPECT_EQ(get(), "0");
}

TEST_P(RankedQueueTest, PurgesAllPriorities) {
  open(ranked());
  for (const int priority : {1, 5, 3, 0}) publish_ranked(priority);
  shards_.settle();
  shard().send(ShardId{0}, PurgeQueue{queue_, channel_.ref()});
  EXPECT_EQ(channel_.replies.back().outcome->ready_count, 4U);
  EXPECT_EQ(counts().ready_count, 0U);
}

INSTANTIATE_TEST_SUITE_P(, RankedQueueTest, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Paged" : "InMemory");
});

}  // namespace
}  // namespace leveret::broker
