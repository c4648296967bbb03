/// A queue that gets other settings while it has messages and consumers.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "tests/unit/broker/core/queue_fixture.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

class QueueRedefinitionTest : public QueueTest {
 protected:
  void redefine(const QueueSettings& settings) {
    Topology& topology = shard().topology();
    QueueDefinition definition = *topology.find_queue(*topology.find_vhost("/"), "q")->definition;
    definition.settings = settings;
    auto delta = std::make_shared<TopologyDelta>();
    delta->push_back(QueueRedefined{std::make_shared<const QueueDefinition>(definition)});
    shard().dispatch(ApplyDelta{1, delta, false});
  }
};
INSTANTIATE_TEST_SUITE_P(, QueueRedefinitionTest, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Paged" : "InMemory");
});

// Goal: a long queue that has to become short does not keep its shard from the others.
TEST_P(QueueRedefinitionTest, DropsALongBacklogOverSeveralTurns) {
  open();
  for (int i = 0; i < 10'000; ++i) publish("x");
  shards_.settle();
  QueueSettings settings;
  settings.max_length = 1;
  settings.overflow = QueueOverflow::reject_publish;
  redefine(settings);
  shard().send(ShardId{0}, InspectQueue{queue_, channel_.ref()});
  EXPECT_GT(channel_.replies.back().outcome->ready_count, 1U) << "nobody drops it all at once";
  shards_.settle();
  EXPECT_EQ(counts().ready_count, 1U);
}

TEST_P(QueueRedefinitionTest, RefusesWhileItStillDrops) {
  open();
  for (int i = 0; i < 10'000; ++i) publish("x");
  shards_.settle();
  QueueSettings settings;
  settings.max_length = 10;
  settings.overflow = QueueOverflow::reject_publish;
  redefine(settings);
  shard().send(ShardId{0}, PublishToQueue{queue_, Shards::message("new"), std::nullopt,
                                          channel_.ref(), PublishSeq{1}});
  EXPECT_EQ(channel_.rejected, (std::vector<std::uint64_t>{1}));
  shards_.settle();
  EXPECT_EQ(counts().ready_count, 10U);
  // From now on nothing is dropped, not even what comes back.
  get(false);
  shard().send(ShardId{0}, PublishToQueue{queue_, Shards::message("new"), std::nullopt,
                                          channel_.ref(), PublishSeq{2}});
  shard().send(ShardId{0}, Requeue{queue_, {}, false, std::move(*channel_.gets.back().entry)});
  EXPECT_EQ(counts().ready_count, 11U);
}

TEST_P(QueueRedefinitionTest, KeepsTheDeadlinesOfWhatIsThere) {
  open();
  publish("before");
  QueueSettings settings;
  settings.message_ttl_ms = 100;
  redefine(settings);
  shards_.settle();
  shards_.advance(200ms);
  EXPECT_EQ(get(), "before");
  publish("after");
  redefine({});
  shards_.settle();
  shards_.advance(99ms);
  EXPECT_EQ(counts().ready_count, 1U);
  shards_.advance(1ms);
  EXPECT_EQ(counts().ready_count, 0U);
}

TEST_P(QueueRedefinitionTest, SetsAndClearsTheTimerOfAnUnusedQueue) {
  open();
  EXPECT_EQ(shard().timers().next_deadline(), never);
  shards_.advance(50ms);
  QueueSettings settings;
  settings.expires_ms = 100;
  redefine(settings);
  EXPECT_EQ(shard().timers().next_deadline(), shard().now() + 100ms);
  redefine({});
  EXPECT_EQ(shard().timers().next_deadline(), never);
  const ConsumerId consumer = consume();
  shards_.advance(50ms);
  redefine(settings);
  EXPECT_EQ(shard().timers().next_deadline(), never) << "it is used";
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  EXPECT_EQ(shard().timers().next_deadline(), shard().now() + 100ms);
  shards_.advance(100ms);
  EXPECT_TRUE(is_gone());
}

TEST_P(QueueRedefinitionTest, GivesWhatConsumersHoldItsNewDeadLetterExchange) {
  const QueueRef dead = shards_.declare(0, "dead");
  open();
  publish("m");
  consume();
  shards_.settle();
  QueueSettings settings;
  settings.dead_letter_exchange = "";
  settings.dead_letter_routing_key = "dead";
  EXPECT_FALSE(shard().topology().has_late_dead_lettering());
  redefine(settings);
  EXPECT_TRUE(shard().topology().has_late_dead_lettering());
  ASSERT_EQ(channel_.deliveries.size(), 1U);
  Deliver& delivery = channel_.deliveries.front();
  EXPECT_FALSE(delivery.entry.is_dead_lettered) << "nobody knew";
  shard().send(ShardId{0}, Reject{queue_, delivery.consumer, std::move(delivery.entry)});
  shards_.settle();
  queue_ = dead;
  EXPECT_EQ(get(), "m");
}

}  // namespace
}  // namespace leveret::broker
