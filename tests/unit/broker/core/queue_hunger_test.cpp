// Queues that are watched: who is told that a consumer waits and there is nothing for it.

#include <gtest/gtest.h>

#include <vector>

#include "broker/core/topology_observer.hpp"
#include "tests/unit/broker/core/queue_fixture.hpp"

namespace leveret::broker {
namespace {

class QueueHungerTest : public QueueTest, protected QueueObserver {
 protected:
  QueueHungerTest() {
    shard().set_queue_observer(*this);
    open();
  }
  void on_hunger(QueueRef queue, bool is_hungry) override {
    EXPECT_EQ(queue, queue_);
    told_.push_back(is_hungry);
  }
  void watch(bool is_watched = true) { shard().watch_queue(queue_, is_watched); }
  void consume_with_priority(std::int32_t priority) {
    Consumer consumer;
    consumer.channel = channel_.ref();
    consumer.key = ConsumerKey{++last_key_};
    consumer.priority = priority;
    shard().send(ShardId{0}, AddConsumer{queue_, std::move(consumer)});
  }
  /// What was said since the last question.
  std::vector<bool> told() {
    shards_.settle();
    return std::exchange(told_, {});
  }

  using Told = std::vector<bool>;
  Told told_;
};

TEST_P(QueueHungerTest, IsToldWhenItBeginsAndEnds) {
  watch();
  EXPECT_EQ(told(), Told{});
  const ConsumerId consumer = consume();
  EXPECT_EQ(told(), Told{true});
  publish("taken at once");
  EXPECT_EQ(told(), Told{});
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  EXPECT_EQ(told(), Told{false});
}

TEST_P(QueueHungerTest, EndsWithTheConsumersCredit) {
  watch();
  consume(1);
  EXPECT_EQ(told(), Told{true});
  publish("a");
  EXPECT_EQ(told(), Told{false});
  const Deliver& delivery = channel_.deliveries.front();
  shard().send(ShardId{0}, Settle{queue_, delivery.consumer, delivery.entry.position, 1});
  EXPECT_EQ(told(), Told{true});
}

TEST_P(QueueHungerTest, IsNoneWhileMessagesWait) {
  watch();
  publish("a");
  publish("b");
  EXPECT_EQ(told(), Told{});
  const ConsumerId consumer = consume(1);
  EXPECT_EQ(told(), Told{});
  shard().send(ShardId{0}, UpdateConsumer{queue_, consumer, 10, false});
  EXPECT_EQ(told(), Told{true});
}

// Goal: links consume with priorities below 0; two federated queues must not pull from each other.
TEST_P(QueueHungerTest, IsNotThatOfALink) {
  watch();
  consume_with_priority(-1);
  EXPECT_EQ(told(), Told{});
  consume_with_priority(0);
  EXPECT_EQ(told(), Told{true});
}

TEST_P(QueueHungerTest, IsToldOnlyOfWatchedQueues) {
  consume();
  EXPECT_EQ(told(), Told{});
  watch();
  EXPECT_EQ(told(), Told{true});
  watch();
  EXPECT_EQ(told(), Told{true});
  watch(false);
  publish("a");
  EXPECT_EQ(told(), Told{});
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndPaged, QueueHungerTest, testing::Bool());

}  // namespace
}  // namespace leveret::broker
