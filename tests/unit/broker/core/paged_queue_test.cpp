#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "broker/core/queue.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

/// Queues on a shard with a log that can be read back. They are paged out at each end of a turn,
/// until a budget is set.
class PagedQueues : public testing::Test {
 protected:
  PagedQueues() : shards_(1, &log_), paging_(shards_.start_paging(0, &log_)) {}

  QueueRef declare(const std::string& name, QueueSettings settings = {}) {
    QueueDefinition definition;
    definition.settings = settings;
    return shards_.declare(0, name, definition);
  }
  void publish(QueueRef queue, std::string_view body) {
    shard().send(ShardId{0},
                 PublishToQueue{queue, Shards::message(body), std::nullopt, {}, PublishSeq{}});
  }
  /// The log has it as well.
  void publish_logged(QueueRef queue, std::string_view body) {
    auto message = Shards::message(body);
    const std::uint64_t durable_number = 1;
    shard().log_message(message, std::span(&durable_number, 1), std::nullopt);
    shard().send(ShardId{0},
                 PublishToQueue{queue, std::move(message), std::nullopt, {}, PublishSeq{}, 0});
  }
  void write_log() {
    shards_.settle();
    log_.write_all();
    shards_.settle();
  }
  void consume(QueueRef queue) {
    Consumer consumer;
    consumer.channel = channel_.ref();
    consumer.no_ack = true;
    shard().send(ShardId{0}, AddConsumer{queue, std::move(consumer)});
  }
  std::uint64_t ready_count(QueueRef queue) {
    shard().send(ShardId{0}, InspectQueue{queue, channel_.ref()});
    return channel_.replies.back().outcome->ready_count;
  }
  std::string delivered() {
    shards_.settle();
    return channel_.take_bodies();
  }
  std::uint64_t chunk_count() const { return paging_.pages.chunk_count(); }
  ShardState& shard() { return shards_[0]; }

  ReadableLog log_;
  Shards shards_;
  Paging& paging_;
  Listener channel_{shards_[0]};
};

TEST_F(PagedQueues, DeliverWhatWasPagedOutInOrder) {
  const QueueRef queue = declare("q");
  for (int i = 1; i <= 9; ++i) {
    if (i % 3 == 0) publish_logged(queue, std::to_string(i));
    else publish(queue, std::to_string(i));
  }
  write_log();
  EXPECT_GE(chunk_count(), 2U);
  EXPECT_EQ(ready_count(queue), 9U);
  consume(queue);
  EXPECT_EQ(delivered(), "1 2 3 4 5 6 7 8 9");
  EXPECT_EQ(chunk_count(), 0U);
}

// Goal: a queue gives memory back when others need it, though nobody uses it.
TEST_F(PagedQueues, GiveMemoryBackWhileTheyAreLeftAlone) {
  paging_.pager.set_budget(UINT64_MAX);
  const QueueRef left_alone = declare("left alone");
  for (int i = 0; i < 50; ++i) publish(left_alone, std::string(1000, 'b'));
  shards_.settle();
  EXPECT_EQ(chunk_count(), 0U);
  const std::uint64_t full = MessageMemory::used_bytes();
  paging_.pager.set_budget(full - 20'000);
  shards_.settle();
  EXPECT_LT(MessageMemory::used_bytes(), full - 20'000);
  EXPECT_GT(MessageMemory::used_bytes(), full - 30'000) << "no more leaves memory than has to";
  EXPECT_EQ(ready_count(left_alone), 50U);
}

TEST_F(PagedQueues, TakeTurns) {
  paging_.pager.set_budget(UINT64_MAX);
  std::vector<QueueRef> queues;
  for (int i = 0; i < 10; ++i) {
    queues.push_back(declare("q" + std::to_string(i)));
    for (int j = 0; j < 20; ++j) publish(queues.back(), std::to_string(j));
  }
  shards_.settle();
  paging_.pager.set_budget(0);
  shards_.settle();
  EXPECT_GE(chunk_count(), 10U);
  std::string all;
  for (int j = 0; j < 20; ++j) all += (j > 0 ? " " : "") + std::to_string(j);
  for (const QueueRef queue : queues) {
    consume(queue);
    EXPECT_EQ(delivered(), all);
  }
}

TEST_F(PagedQueues, ForgetWhatExpiresWhereverItIs) {
  QueueSettings settings;
  settings.message_ttl_ms = 100;
  const QueueRef queue = declare("q", settings);
  for (int i = 0; i < 9; ++i) publish_logged(queue, std::to_string(i));
  write_log();
  shards_.advance(50ms);
  for (int i = 9; i < 12; ++i) publish_logged(queue, std::to_string(i));
  write_log();
  ASSERT_GE(chunk_count(), 3U);
  for (std::uint32_t i = 0; i < 12; ++i) log_.damaged.insert(i);  // Nothing is read for it.
  shards_.advance(49ms);
  EXPECT_EQ(ready_count(queue), 12U);
  log_.damaged.clear();
  shards_.advance(1ms);
  EXPECT_EQ(ready_count(queue), 3U);
  EXPECT_EQ(log_.settled.size(), 9U);
  consume(queue);
  EXPECT_EQ(delivered(), "9 10 11");
}

TEST_F(PagedQueues, ArePurgedAndGoWithoutReading) {
  const QueueRef queue = declare("q");
  for (const bool deleted : {false, true}) {
    for (int i = 0; i < 9; ++i) publish_logged(queue, std::to_string(i));
    write_log();
    for (std::uint32_t i = 0; i < 18; ++i) log_.damaged.insert(i);
    ASSERT_GE(chunk_count(), 2U);
    if (deleted) {
      shard().send(ShardId{0}, DeleteQueue{queue, channel_.ref()});
    } else {
      shard().send(ShardId{0}, PurgeQueue{queue, channel_.ref()});
      EXPECT_EQ(channel_.replies.back().outcome->ready_count, 9U);
    }
    shards_.settle();
    EXPECT_EQ(log_.settled.size(), deleted ? 18U : 9U);
    EXPECT_EQ(chunk_count(), 0U);
  }
  EXPECT_EQ(paging_.pager.unreadable_count(), 0U);
}

TEST_F(PagedQueues, ServeTheRestWhenMessagesAreLost) {
  const QueueRef queue = declare("q");
  for (int i = 1; i <= 6; ++i) publish_logged(queue, std::to_string(i));
  write_log();
  log_.damaged = {2, 3, 5};
  paging_.pager.set_budget(UINT64_MAX);
  consume(queue);
  EXPECT_EQ(delivered(), "1 2 5");
  EXPECT_EQ(ready_count(queue), 0U);
  EXPECT_EQ(paging_.pager.unreadable_count(), 3U);
  ASSERT_FALSE(paging_.reports.empty());
  EXPECT_EQ(paging_.reports[0],
            "queue 'q' in vhost '/': 2 messages lost, damaged in the log");
}

// Goal: all of it lost, at any place of the queue's doings: it is empty, and works.
TEST_F(PagedQueues, AreEmptyWhenNothingCanBeRead) {
  const QueueRef queue = declare("q");
  for (int i = 1; i <= 6; ++i) publish(queue, std::to_string(i));
  shards_.settle();
  shard().send(ShardId{0}, GetFromQueue{queue, channel_.ref(), true});
  ASSERT_TRUE(channel_.gets.back().entry);
  paging_.files.reading_fails = true;
  shard().send(ShardId{0}, GetFromQueue{queue, channel_.ref(), true});
  EXPECT_FALSE(channel_.gets.back().entry);
  EXPECT_EQ(ready_count(queue), 0U);
  EXPECT_EQ(paging_.pager.unreadable_count(), 5U);
  paging_.files.reading_fails = false;
  consume(queue);
  publish(queue, "7");
  EXPECT_EQ(delivered(), "7");
}

// ---- recovery ------------------------------------------------------------------------------

class RecoveredQueues : public PagedQueues {
 protected:
  /// The entry of a message that a former process has logged.
  RecoveredEntry logged(std::string_view body) {
    const auto message = Shards::message(body);
    const auto parts = message->log_parts();
    storage::MessageRecord record;
    record.parts = parts;
    log_.append_message(record, message->log_place());
    log_.submit();
    log_.write_all();
    return {message->log_place(), 0, static_cast<std::uint32_t>(body.size())};
  }
};

TEST_F(RecoveredQueues, GoOnWhereTheyWere) {
  const std::array queues{declare("a"), declare("b")};
  for (int i = 0; i < 10; ++i) {
    RecoveredEntry entry = logged(std::to_string(i));
    entry.redelivered = i < 2;
    shard().recover(queues[i % 2 == 0 ? 0 : 1], entry);
  }
  paging_.pager.end_recovery();
  EXPECT_EQ(ready_count(queues[0]), 5U);
  publish_logged(queues[0], "10");
  consume(queues[0]);
  EXPECT_EQ(delivered(), "0* 2 4 6 8 10");
  consume(queues[1]);
  EXPECT_EQ(delivered(), "1* 3 5 7 9");
}

TEST_F(RecoveredQueues, ExpireAtTheirTime) {
  const QueueRef queue = declare("q");
  for (int i = 0; i < 6; ++i) {
    RecoveredEntry entry = logged(std::to_string(i));
    entry.expires_at = i < 5 ? shard().now() + 100ms : never;
    shard().recover(queue, entry);
  }
  paging_.pager.end_recovery();
  shards_.advance(99ms);
  EXPECT_EQ(ready_count(queue), 6U);
  shards_.advance(1ms);
  EXPECT_EQ(ready_count(queue), 1U);
  EXPECT_EQ(log_.settled.size(), 5U);
}

// Goal: also what is in the middle, and what is left is there in its order.
TEST_F(RecoveredQueues, ExpireFromTheirMiddle) {
  const QueueRef queue = declare("q");
  for (int i = 0; i < 12; ++i) {
    RecoveredEntry entry = logged(std::to_string(i));
    if (i % 3 == 1) entry.expires_at = shard().now() + 100ms;
    if (i % 3 == 2) entry.expires_at = shard().now() + 5000ms;
    shard().recover(queue, entry);
  }
  paging_.pager.end_recovery();
  // They are not read for it; those of the chunk that is next anyway are.
  for (std::uint32_t i = 4; i < 12; i += 3) log_.damaged.insert(i);
  EXPECT_EQ(ready_count(queue), 12U);
  shards_.advance(100ms);
  EXPECT_EQ(ready_count(queue), 8U);
  EXPECT_EQ(log_.settled.size(), 4U);
  consume(queue);
  EXPECT_EQ(delivered(), "0 2 3 5 6 8 9 11");
  EXPECT_EQ(paging_.pager.unreadable_count(), 0U);
}

}  // namespace
}  // namespace leveret::broker
