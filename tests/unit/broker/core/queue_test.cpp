#include "broker/core/queue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/unit/broker/core/queue_fixture.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

TEST_P(QueueTest, DeliversAtTheEndOfTheTurn) {
  open();
  consume();
  publish("1");
  publish("2");
  EXPECT_TRUE(channel_.deliveries.empty());
  EXPECT_EQ(delivered(), "1 2");
}

TEST_P(QueueTest, KeepsWithinCredit) {
  open();
  const ConsumerId consumer = consume(2);
  for (const char* body : {"1", "2", "3", "4"}) publish(body);
  shards_.settle();
  ASSERT_EQ(channel_.deliveries.size(), 2U);
  EXPECT_EQ(counts().ready_count, 2U);
  const Position first = channel_.deliveries[0].entry.position;
  shard().send(ShardId{0}, Settle{queue_, consumer, first, 1});
  EXPECT_EQ(delivered(), "1 2 3");
  shard().send(ShardId{0}, UpdateConsumer{queue_, consumer, 0, false});
  EXPECT_EQ(delivered(), "4");
}

TEST_P(QueueTest, PausesForABlockedConsumer) {
  open();
  const ConsumerId consumer = consume();
  shard().send(ShardId{0}, UpdateConsumer{queue_, consumer, 0, true});
  publish("1");
  EXPECT_EQ(delivered(), "");
  shard().send(ShardId{0}, UpdateConsumer{queue_, consumer, 0, false});
  EXPECT_EQ(delivered(), "1");
}

TEST_P(QueueTest, TakesBackToTheOriginalPosition) {
  open();
  const ConsumerId consumer = consume();
  for (const char* body : {"1", "2", "3"}) publish(body);
  shards_.settle();
  auto held = std::exchange(channel_.deliveries, {});
  ASSERT_EQ(held.size(), 3U);
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  publish("4");
  for (std::size_t index : {2u, 0u}) {
    held[index].entry.redelivered = true;
    shard().send(ShardId{0}, Requeue{queue_, consumer, false, std::move(held[index].entry)});
  }
  EXPECT_EQ(get(), "1*");
  EXPECT_EQ(get(), "3*");
  EXPECT_EQ(get(), "4");
  EXPECT_EQ(get(), "");
}

TEST_P(QueueTest, CountsWhatIsLeftAfterAGet) {
  open();
  publish("1");
  publish("2");
  get();
  EXPECT_EQ(channel_.gets.back().ready_count, 1U);
}

TEST_P(QueueTest, PurgesWhatIsReady) {
  open();
  publish("1");
  publish("2");
  publish("3");
  get(false);
  shard().send(ShardId{0}, PurgeQueue{queue_, channel_.ref()});
  EXPECT_EQ(channel_.replies.back().outcome->ready_count, 2U);
  EXPECT_EQ(counts().ready_count, 0U);
}

TEST_P(QueueTest, ExpiresWhatIsDueWhereverItIs) {
  open();
  publish("1", 100);
  publish("2", 50);
  publish("3");
  shards_.settle();
  EXPECT_EQ(shard().timers().next_deadline(), shard().now() + 50ms);
  shards_.advance(49ms);
  EXPECT_EQ(counts().ready_count, 3U);
  shards_.advance(1ms);
  EXPECT_EQ(counts().ready_count, 2U);
  EXPECT_EQ(shard().timers().next_deadline(), shard().now() + 50ms);
  shards_.advance(50ms);
  EXPECT_EQ(counts().ready_count, 1U);
  EXPECT_EQ(get(), "3");
}

TEST_P(QueueTest, ExpiresWhatHasComeBackWhereverItIs) {
  open();
  for (const std::uint64_t expiration_ms : {300, 200, 100}) publish("x", expiration_ms);
  shards_.settle();
  for (int i = 0; i < 3; ++i) get(false);
  for (auto& got : channel_.gets) {
    shard().send(ShardId{0}, Requeue{queue_, ConsumerId{}, false, std::move(*got.entry)});
  }
  for (const std::uint64_t left : {2U, 1U, 0U}) {
    shards_.advance(100ms);
    EXPECT_EQ(counts().ready_count, left);
  }
}

// Goal: with a time to live of its own a queue takes the shorter ones from its middle.
TEST_P(QueueTest, ExpiresShorterTimesThanItsOwn) {
  QueueSettings settings;
  settings.message_ttl_ms = 5000;
  open(settings);
  for (const std::uint64_t expiration_ms : {9000, 3000, 9000, 1000}) publish("x", expiration_ms);
  for (const std::uint64_t left : {4U, 3U, 3U, 2U, 2U, 0U}) {
    EXPECT_EQ(counts().ready_count, left);
    shards_.advance(1001ms);
  }
}

// Goal: a limit counts what is there, and what has expired is not.
TEST_P(QueueTest, IsNotFullOfWhatHasExpired) {
  QueueSettings settings;
  settings.max_length = 2;
  open(settings);
  publish("1");
  publish("2", 50);
  shards_.advance(51ms);
  publish("3");
  EXPECT_EQ(counts().ready_count, 2U);
  EXPECT_EQ(get(), "1");
}

TEST_P(QueueTest, OffersAMessageWithoutTimeOnce) {
  QueueSettings settings;
  settings.message_ttl_ms = 0;
  open(settings);
  publish("missed");
  EXPECT_EQ(counts().ready_count, 0U);
  consume();
  publish("caught");
  EXPECT_EQ(delivered(), "caught");
}

TEST_P(QueueTest, NeverExpiresByAnOverflowOfTime) {
  open();
  publish("1", UINT64_MAX);
  publish("2", static_cast<std::uint64_t>(INT64_MAX));
  shards_.advance(std::chrono::hours(24 * 365 * 20));
  EXPECT_EQ(counts().ready_count, 2U);
}

TEST_P(QueueTest, GoesWhenUnusedForTooLong) {
  QueueSettings settings;
  settings.expires_ms = 100;
  open(settings);
  shards_.advance(99ms);
  get();
  shards_.advance(99ms);
  const ConsumerId consumer = consume();
  shards_.advance(1000ms);
  EXPECT_FALSE(is_gone());
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  shards_.advance(99ms);
  EXPECT_EQ(shard().queue_count(), 1U);
  shards_.advance(1ms);
  EXPECT_EQ(shard().queue_count(), 0U);
  EXPECT_EQ(shard().topology().queue_count(), 0U);
}

TEST_P(QueueTest, GoesWithItsLastConsumerWhenSoDeclared) {
  open({}, true);
  EXPECT_FALSE(is_gone());
  const ConsumerId first = consume();
  const ConsumerId second = consume();
  shard().send(ShardId{0}, RemoveConsumer{queue_, first, {}});
  EXPECT_FALSE(is_gone());
  shard().send(ShardId{0}, RemoveConsumer{queue_, second, {}});
  EXPECT_TRUE(is_gone());
}

TEST_P(QueueTest, RefusesConsumersBesideAnExclusiveOne) {
  open();
  Consumer consumer;
  consumer.channel = channel_.ref();
  consumer.exclusive = true;
  shard().send(ShardId{0}, AddConsumer{queue_, std::move(consumer)});
  Consumer second;
  second.channel = channel_.ref();
  shard().send(ShardId{0}, AddConsumer{queue_, std::move(second)});
  ASSERT_FALSE(channel_.replies.back().outcome);
  EXPECT_FALSE(channel_.replies.back().outcome.error().gone);
  EXPECT_EQ(channel_.replies.back().outcome.error().error.reply_text(),
            "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use");
}

TEST_P(QueueTest, GivesEverythingToASingleActiveConsumer) {
  QueueSettings settings;
  settings.single_active_consumer = true;
  open(settings);
  const ConsumerId first = consume(2);
  const ConsumerId second = consume(2);
  for (const char* body : {"1", "2", "3", "4"}) publish(body);
  shards_.settle();
  ASSERT_EQ(channel_.deliveries.size(), 2U);
  EXPECT_EQ(channel_.deliveries[1].consumer, first);
  EXPECT_EQ(channel_.take_bodies(), "1 2");
  EXPECT_EQ(counts().ready_count, 2U);
  EXPECT_EQ(counts().consumer_count, 2U);
  EXPECT_EQ(get(), "3") << "anybody may fetch";
  // The next one takes over though nothing else happens to the queue.
  shard().send(ShardId{0}, RemoveConsumer{queue_, first, {}});
  shards_.settle();
  ASSERT_EQ(channel_.deliveries.size(), 1U);
  EXPECT_EQ(channel_.deliveries[0].consumer, second);
  EXPECT_EQ(delivered(), "4");
}

TEST_P(QueueTest, RefusesAnExclusiveConsumerWhereASingleOneIsActive) {
  QueueSettings settings;
  settings.single_active_consumer = true;
  open(settings);
  Consumer consumer;
  consumer.channel = channel_.ref();
  consumer.exclusive = true;
  shard().send(ShardId{0}, AddConsumer{queue_, std::move(consumer)});
  ASSERT_FALSE(channel_.replies.back().outcome);
  EXPECT_EQ(channel_.replies.back().outcome.error().error.reply_text(),
            "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use");
  consume();
  publish("1");
  EXPECT_EQ(delivered(), "1");
}

// Goal: a long backlog does not keep its shard from everything else.
TEST_P(QueueTest, SharesATurnOfALongBacklog) {
  open();
  const std::string body(10'000, 'b');
  for (int i = 0; i < 1000; ++i) publish(body);
  shards_.settle();
  consume();
  shard().begin_turn(shard().now());
  EXPECT_FALSE(shard().end_turn());
  EXPECT_GT(channel_.deliveries.size(), 10U);
  EXPECT_LT(channel_.deliveries.size(), 900U);
  shards_.settle();
  EXPECT_EQ(channel_.deliveries.size(), 1000U);
}

// Goal: whatever consumers do, each message is in one place at a time and none is lost.
TEST_P(QueueTest, LosesAndDoublesNothing) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  open();
  std::set<ConsumerId> consumers;
  std::vector<Deliver> held;
  std::set<std::string> in_queue, settled;
  int next = 0;
  for (int round = 0; round < 5000; ++round) {
    switch (random() % 6) {
      case 0:
      case 1:
        in_queue.insert(std::to_string(next));
        publish(std::to_string(next++));
        break;
      case 2:
        if (consumers.size() < 5) {
          consumers.insert(consume(static_cast<std::uint32_t>(random() % 4)));
        } else {
          const ConsumerId leaving = *consumers.begin();
          consumers.erase(leaving);
          shard().send(ShardId{0}, RemoveConsumer{queue_, leaving, {}});
        }
        break;
      case 3:
      case 4: {
        if (held.empty()) break;
        std::swap(held[random() % held.size()], held.back());
        Deliver& last = held.back();
        const std::string body(protocol::text_of(last.entry.message->body()));
        if (random() % 2 == 0) {
          settled.insert(body);
          shard().send(ShardId{0}, Settle{queue_, last.consumer, last.entry.position, 1});
        } else {
          in_queue.insert(body);
          shard().send(ShardId{0},
                       Requeue{queue_, last.consumer, false, std::move(last.entry)});
        }
        held.pop_back();
        break;
      }
      case 5:
        shards_.settle();
        for (Deliver& delivery : std::exchange(channel_.deliveries, {})) {
          const std::string body(protocol::text_of(delivery.entry.message->body()));
          ASSERT_EQ(in_queue.erase(body), 1U) << body << " came from nowhere";
          held.push_back(std::move(delivery));
        }
        ASSERT_EQ(counts().ready_count, in_queue.size());
        ASSERT_EQ(counts().consumer_count, consumers.size());
        ASSERT_EQ(in_queue.size() + held.size() + settled.size(), static_cast<std::size_t>(next));
        break;
    }
  }
}

// ---- limits --------------------------------------------------------------------------------

QueueSettings limited(std::optional<std::uint64_t> QueueSettings::*limit, std::uint64_t value) {
  QueueSettings settings;
  settings.*limit = value;
  return settings;
}

TEST_P(QueueTest, DropsTheOldestOfWhatIsTooMuch) {
  open(limited(&QueueSettings::max_length, 2));
  for (const char* body : {"1", "2", "3", "4"}) publish(body);
  EXPECT_EQ(counts().ready_count, 2U);
  consume();
  EXPECT_EQ(delivered(), "3 4");
}

TEST_P(QueueTest, CountsBodiesAgainstItsLimit) {
  open(limited(&QueueSettings::max_length_bytes, 5));
  publish("123");
  publish("45");
  EXPECT_EQ(counts().ready_count, 2U);
  publish("6");
  EXPECT_EQ(counts().ready_count, 2U);
  publish("larger than all");
  EXPECT_EQ(counts().ready_count, 0U);
}

TEST_P(QueueTest, DoesNotCountWhatConsumersTake) {
  open(limited(&QueueSettings::max_length, 1));
  consume(3);
  for (const char* body : {"1", "2", "3", "4", "5"}) publish(body);
  EXPECT_EQ(delivered(), "1 2 3");
  EXPECT_EQ(counts().ready_count, 1U);
  EXPECT_EQ(get(), "5");
}

TEST_P(QueueTest, DropsWhatComesBackToAFullQueue) {
  open(limited(&QueueSettings::max_length, 1));
  const ConsumerId consumer = consume(1);
  publish("1");
  shards_.settle();
  publish("2");
  shards_.settle();
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  shard().send(ShardId{0}, Requeue{queue_, consumer, false,
                                   std::move(channel_.deliveries.back().entry)});
  EXPECT_EQ(counts().ready_count, 1U);
  EXPECT_EQ(get(), "2");
}

TEST_P(QueueTest, RefusesWhatIsTooMuch) {
  QueueSettings settings;
  settings.max_length = 2;
  settings.overflow = QueueOverflow::reject_publish;
  open(settings);
  const ConsumerId consumer = consume(1);
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    shard().send(ShardId{0}, PublishToQueue{queue_, Shards::message(std::to_string(seq)),
                                            std::nullopt, channel_.ref(), PublishSeq{seq}});
  }
  // The first one is on its way to the consumer.
  EXPECT_EQ(channel_.verdicts, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(channel_.rejected, (std::vector<std::uint64_t>{4}));
  shard().send(ShardId{0}, RemoveConsumer{queue_, consumer, {}});
  shard().send(ShardId{0}, Requeue{queue_, consumer, false,
                                   std::move(channel_.deliveries.back().entry)});
  EXPECT_EQ(counts().ready_count, 3U) << "what comes back is never refused";
}

TEST_P(QueueTest, DropsALongBacklogOverSeveralTurns) {
  open(limited(&QueueSettings::max_length_bytes, 10'000));
  for (int i = 0; i < 10'000; ++i) publish("x");
  EXPECT_EQ(counts().ready_count, 10'000U);
  publish(std::string(10'000, 'y'));
  shards_.settle();
  EXPECT_EQ(counts().ready_count, 1U);
}

INSTANTIATE_TEST_SUITE_P(, QueueTest, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Paged" : "InMemory");
});

}  // namespace
}  // namespace leveret::broker
