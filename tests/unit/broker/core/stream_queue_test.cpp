#include "broker/core/stream_queue.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/broker/core/stream_fixture.hpp"

namespace leveret::broker {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, StreamTest, testing::Bool(), [](const auto& tested) {
  return tested.param ? "Paged" : "Kept";
});

/// The numbers from `first` to `last`, as Listener::take_bodies() shows them.
std::string numbers(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += (i > first ? " " : "") + std::to_string(i);
  return text;
}

// ---- writing ---------------------------------------------------------------------------------

TEST_P(StreamTest, GivesItsVerdictWhenTheLogHasTheMessage) {
  open();
  log_.patient = true;
  publish("a", &channel_, 1);
  publish("b", &channel_, 2);
  shards_.settle();
  EXPECT_TRUE(channel_.verdicts.empty());
  EXPECT_EQ(counts().ready_count, 0U) << "nobody may read what could be lost";

  log_.let_go();
  shards_.settle();
  EXPECT_EQ(channel_.verdicts, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_TRUE(channel_.rejected.empty());
  EXPECT_EQ(counts().ready_count, 2U);
}

TEST_P(StreamTest, DeliversNothingThatIsNotSafe) {
  open();
  consume(from(StreamStart::Next{}));
  log_.patient = true;
  publish("a");
  EXPECT_EQ(delivered(), "");
  log_.let_go();
  EXPECT_EQ(delivered(), "a");
}

TEST_P(StreamTest, TellsEveryMessageItsOffset) {
  open();
  consume(from(StreamStart::Next{}));
  publish_numbers(0, 4);
  ASSERT_EQ(channel_.deliveries.size(), 5U);
  for (std::uint64_t i = 0; i < 5; ++i) {
    const QueueEntry& entry = channel_.deliveries[i].entry;
    EXPECT_EQ(stream_offset_of(*entry.message), StreamOffset{i});
    EXPECT_EQ(entry.log_index, not_in_log) << "what is read is not settled";
    EXPECT_FALSE(entry.redelivered);
  }
}

// ---- where reading begins --------------------------------------------------------------------

TEST_P(StreamTest, IsReadFromWhereTheReaderSays) {
  open();
  publish_numbers(0, 999);
  for (const int offset : {0, 1, 255, 256, 257, 700, 998}) {
    consume(from(StreamOffset{static_cast<std::uint64_t>(offset)}));
    EXPECT_EQ(delivered(), numbers(offset, 999)) << offset;
  }
  consume(from(StreamStart::First{}));
  EXPECT_EQ(delivered(), numbers(0, 999));
  consume(from(StreamOffset{1001}));
  consume(from(StreamStart::Next{}));
  EXPECT_EQ(delivered(), "");
}

TEST_P(StreamTest, IsReadFromTheLastBatch) {
  open();
  publish_numbers(0, 3);
  publish_numbers(4, 6);
  consume(from(StreamStart::Last{}));
  EXPECT_EQ(delivered(), "4 5 6");
}

TEST_P(StreamTest, WaitsForAnOffsetThatIsToCome) {
  open();
  publish_numbers(0, 1);
  consume(from(StreamOffset{3}));
  publish_numbers(2, 4);
  EXPECT_EQ(delivered(), "3 4");
}

TEST_P(StreamTest, BeginsAtItsFirstMessageWhenEmpty) {
  for (const decltype(StreamStart::from)& start :
       {decltype(StreamStart::from){StreamStart::First{}}, {StreamStart::Last{}},
        {StreamStart::Next{}}, {StreamOffset{0}}, {StreamStart::Time{WallTime{5}}}}) {
    open();
    consume(from(start));
    publish_numbers(0, 1);
    EXPECT_EQ(delivered(), "0 1");
    remove();
  }
}

TEST_P(StreamTest, IsReadFromATime) {
  open();
  for (int i = 0; i < 600; ++i) {
    shards_.set_wall_time(WallTime{10'000 + i * 1000});
    publish_numbers(i, i);
  }
  const auto delivered_from = [&](auto start) {
    consume(from(start));
    const std::string bodies = delivered();
    return bodies.substr(0, bodies.find(' '));
  };
  EXPECT_EQ(delivered_from(StreamStart::Time{WallTime{0}}), "0");
  EXPECT_EQ(delivered_from(StreamStart::Time{WallTime{10'000}}), "0");
  EXPECT_EQ(delivered_from(StreamStart::Time{WallTime{10'001}}), "1");
  EXPECT_EQ(delivered_from(StreamStart::Time{WallTime{310'000}}), "300");
  EXPECT_EQ(delivered_from(StreamStart::Time{WallTime{609'000}}), "599");
  EXPECT_EQ(delivered_from(StreamStart::Interval{2000}), "597");
  EXPECT_EQ(delivered_from(StreamStart::Interval{UINT64_MAX}), "0");
  EXPECT_EQ(delivered_from(StreamStart::Time{WallTime{609'001}}), "");
}

// ---- credit ----------------------------------------------------------------------------------

TEST_P(StreamTest, GivesAReaderWhatItsCreditAllows) {
  open();
  publish_numbers(0, 9);
  const ConsumerId reader = consume(from(StreamStart::First{}), 3);
  EXPECT_EQ(delivered(), "0 1 2");
  ack(reader, 2);
  EXPECT_EQ(delivered(), "3 4");
  shard().send(ShardId{0}, Reject{stream_, reader, {}});
  EXPECT_EQ(delivered(), "5");
  shard().send(ShardId{0}, Requeue{stream_, reader, false, {}});
  EXPECT_EQ(delivered(), "6") << "nothing comes back";
}

TEST_P(StreamTest, WaitsForABlockedReaderAndServesOthers) {
  open();
  publish_numbers(0, 2);
  Listener other(shards_[0]);
  const ConsumerId reader = consume(from(StreamStart::First{}));
  shard().send(ShardId{0}, UpdateConsumer{stream_, reader, 1000, true});
  consume(other, from(StreamStart::First{}));
  EXPECT_EQ(delivered(), "");
  EXPECT_EQ(other.take_bodies(), "0 1 2");
  shard().send(ShardId{0}, UpdateConsumer{stream_, reader, 1000, false});
  EXPECT_EQ(delivered(), "0 1 2");
}

TEST_P(StreamTest, ForgetsAReader) {
  open();
  const ConsumerId reader = consume(from(StreamStart::Next{}));
  publish_numbers(0, 0);
  EXPECT_EQ(delivered(), "0");
  EXPECT_EQ(counts().consumer_count, 1U);
  shard().send(ShardId{0}, RemoveConsumer{stream_, reader, {}});
  ack(reader);
  publish_numbers(1, 1);
  EXPECT_EQ(delivered(), "");
  EXPECT_EQ(counts().consumer_count, 0U);
}

// Goal: a reader that is far behind does not keep others, and the shard, from their turn.
TEST_P(StreamTest, GivesEveryReaderItsTurn) {
  open();
  const std::string body(10'000, 'x');
  for (int i = 0; i < 1000; ++i) publish(body);
  shards_.settle();
  Listener other(shards_[0]);
  consume(from(StreamStart::First{}), 60'000);
  consume(other, from(StreamStart::First{}), 60'000);
  shards_.turn(0);
  const std::size_t first_count = channel_.deliveries.size();
  EXPECT_GT(first_count, 20U);
  EXPECT_LT(first_count, 300U) << "a turn is bounded";
  EXPECT_GT(other.deliveries.size(), first_count / 2);
  shards_.settle();
  EXPECT_EQ(channel_.deliveries.size(), 1000U);
  EXPECT_EQ(other.deliveries.size(), 1000U);
}

// Goal: a shard that does not take its mail holds up only its own readers.
TEST(StreamReaders, AreServedWhileAnotherShardIsBehind) {
  Shards shards(2);
  QueueDefinition definition;
  definition.settings.type = QueueType::stream;
  const QueueRef stream = shards.declare(0, "s", definition);
  Listener near(shards[0]), far(shards[1]);
  shards.set_congested(1, true);
  for (Listener* channel : {&far, &near}) {
    Consumer consumer;
    consumer.channel = channel->ref();
    consumer.credit_limit = 10;
    consumer.reading = std::make_shared<const StreamReading>();
    channel->shard().send(ShardId{0}, AddConsumer{stream, std::move(consumer)});
  }
  shards[0].send(ShardId{0}, PublishToQueue{stream, Shards::message("a"), {}, {}, {}});
  shards.settle();
  EXPECT_EQ(near.take_bodies(), "a");
  EXPECT_EQ(far.take_bodies(), "");
  shards.set_congested(1, false);
  shards.settle();
  EXPECT_EQ(far.take_bodies(), "a");
}

// ---- filters ---------------------------------------------------------------------------------

TEST_P(StreamTest, LeavesOutWhatAReaderDoesNotWant) {
  open();
  const auto publish_with = [&](std::string_view body, std::string value) {
    protocol::FieldTable headers;
    headers.set("other", protocol::FieldValue::int32(1));
    if (!value.empty()) {
      headers.set("x-stream-filter-value", protocol::FieldValue::long_string(std::move(value)));
    }
    shard().send(ShardId{0},
                 PublishToQueue{stream_, Shards::message_with(body, headers), {}, {}, {}});
  };
  publish_with("a1", "a");
  publish_with("b1", "b");
  publish_with("none", "");
  publish("bare");
  publish_with("a2", "a");
  publish_with("c1", "c");
  shards_.settle();
  consume({{StreamStart::First{}}, {"a"}, false}, 1000);
  EXPECT_EQ(delivered(), "a1 a2");
  consume({{StreamStart::First{}}, {"c", "b"}, false}, 1000);
  EXPECT_EQ(delivered(), "b1 c1");
  consume({{StreamStart::First{}}, {"b"}, true}, 1000);
  EXPECT_EQ(delivered(), "b1 none bare");
  consume({{StreamStart::First{}}, {"d"}, false}, 1);
  EXPECT_EQ(delivered(), "");
}

// ---- retention -------------------------------------------------------------------------------

TEST_P(StreamTest, DropsItsOldestSegmentsWhenItIsTooLarge) {
  QueueSettings settings;
  settings.max_length_bytes = 100'000;
  settings.stream_max_segment_size_bytes = 20'000;
  open(settings);
  for (int i = 0; i < 400; ++i) publish(std::string(1000, 'x'));
  shards_.settle();
  const std::uint64_t left = counts().ready_count;
  EXPECT_LE(left, 100U);
  EXPECT_GE(left, 70U);
  EXPECT_EQ(log_.log.settled.size(), 400U - left) << "the log has heard of all";
  consume(from(StreamOffset{5}));
  shards_.settle();
  ASSERT_EQ(channel_.deliveries.size(), left);
  EXPECT_EQ(stream_offset_of(*channel_.deliveries[0].entry.message), StreamOffset{400 - left});
}

TEST_P(StreamTest, KeepsItsNewestSegmentHoweverLarge) {
  QueueSettings settings;
  settings.max_length_bytes = 1000;
  open(settings);
  for (int i = 0; i < 100; ++i) publish(std::string(1000, 'x'));
  shards_.settle();
  EXPECT_EQ(counts().ready_count, 100U);
}

TEST_P(StreamTest, DropsSegmentsThatAreTooOld) {
  QueueSettings settings;
  settings.max_age_ms = 60'000;
  settings.stream_max_segment_size_bytes = 1;  // Every message has one of its own.
  open(settings);
  for (int i = 0; i < 3; ++i) {
    shards_.set_wall_time(WallTime{1'000'000 + i * 10'000});
    publish_numbers(i, i);
  }
  const auto at = [&](std::int64_t wall_time) {
    shards_.set_wall_time(WallTime{wall_time});
    shards_.advance(std::chrono::milliseconds{60'001});
    return counts().ready_count;
  };
  EXPECT_EQ(at(1'060'000), 3U);
  EXPECT_EQ(at(1'060'001), 2U);
  EXPECT_EQ(at(1'070'001), 1U);
  EXPECT_EQ(at(9'000'000), 1U) << "the newest stays";
  consume(from(StreamStart::First{}));
  EXPECT_EQ(delivered(), "2");
}

TEST_P(StreamTest, TakesAReaderToWhatIsLeft) {
  QueueSettings settings;
  settings.max_length_bytes = 500;
  settings.stream_max_segment_size_bytes = 1;
  open(settings);
  publish_numbers(0, 0);
  const ConsumerId reader = consume(from(StreamStart::First{}), 1);
  EXPECT_EQ(delivered(), "0");
  publish_numbers(1, 50);
  const auto left = static_cast<int>(counts().ready_count);
  ASSERT_LT(left, 30);
  ack(reader);
  EXPECT_EQ(delivered(), std::to_string(51 - left));
}

TEST_P(StreamTest, FollowsItsSettings) {
  QueueSettings settings;
  settings.stream_max_segment_size_bytes = 5000;
  open(settings);
  for (int i = 0; i < 100; ++i) publish(std::string(1000, 'x'));
  shards_.settle();
  EXPECT_EQ(counts().ready_count, 100U);
  settings.max_length_bytes = 20'000;
  redefine(settings);
  EXPECT_LE(counts().ready_count, 20U);
}

TEST_P(StreamTest, WaitsWhilePaused) {
  open();
  consume(from(StreamStart::Next{}));
  change(QueuePaused{"/", "s", true});
  publish_numbers(0, 1);
  EXPECT_EQ(delivered(), "");
  EXPECT_EQ(counts().ready_count, 2U);
  change(QueuePaused{"/", "s", false});
  EXPECT_EQ(delivered(), "0 1");
}

TEST_P(StreamTest, TakesWhatIsToBeDeliveredAtOnceOnlyForWhoWaitsForIt) {
  open();
  const auto publish_immediate = [&](std::uint64_t seq) {
    shard().send(ShardId{0}, PublishToQueue{.queue = stream_,
                                            .message = Shards::message("a"),
                                            .expiration_ms = {},
                                            .publisher = channel_.ref(),
                                            .seq = PublishSeq{seq},
                                            .immediate = true});
    shards_.settle();
  };
  publish_immediate(1);
  consume({{StreamStart::Next{}}, {"other"}, false});
  publish_immediate(2);
  EXPECT_EQ(counts().ready_count, 0U);
  consume(from(StreamStart::Next{}), 1);
  publish_immediate(3);
  EXPECT_EQ(delivered(), "a");
  publish_immediate(4);
  EXPECT_EQ(counts().ready_count, 1U) << "it has no credit left";
  EXPECT_EQ(channel_.verdicts, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

// ---- the end ---------------------------------------------------------------------------------

TEST_P(StreamTest, SettlesEverythingInSmallPartsWhenItIsDeleted) {
  open();
  constexpr int count = 20'000;
  publish_numbers(0, count - 1);
  consume(from(StreamStart::Next{}));
  log_.patient = true;
  publish("late", &channel_, 1);
  shard().send(ShardId{0}, DeleteQueue{stream_, channel_.ref()});
  shards_.turn(0);
  EXPECT_LT(log_.log.settled.size(), 10'000U) << "a turn is bounded";
  EXPECT_EQ(channel_.cancelled.size(), 1U);
  EXPECT_EQ(channel_.verdicts.size(), 1U) << "a publisher does not wait for what has gone";
  shards_.settle();
  EXPECT_EQ(log_.log.settled.size(), std::size_t{count} + 1);
  log_.let_go();
  shards_.settle();
  EXPECT_EQ(channel_.verdicts.size(), 1U);
}

// ---- memory ----------------------------------------------------------------------------------

// Goal: a chunk that several readers want is read once.
TEST_P(StreamTest, ReadsTheLogOnceForAllWhoReadTogether) {
  open();
  publish_numbers(0, 2559);
  log_.read_count = 0;
  std::vector<std::unique_ptr<Listener>> channels;
  for (int i = 0; i < 10; ++i) {
    channels.push_back(std::make_unique<Listener>(shards_[0]));
    consume(*channels.back(), from(StreamStart::First{}), 10'000);
  }
  shard().end_turn();  // Nothing is paged out in between.
  for (int i = 0; i < 40; ++i) shard().end_turn();
  for (const auto& channel : channels) EXPECT_EQ(channel->deliveries.size(), 2560U);
  EXPECT_EQ(log_.read_count, GetParam() ? 2560U : 0U);
}

// Goal: what waits in a stream costs little memory.
TEST_P(StreamTest, KeepsLittleInMemory) {
  if (!GetParam()) GTEST_SKIP() << "without a page file all stays in memory";
  open();
  MessageMemory::flush();
  const std::uint64_t before_bytes = MessageMemory::used_bytes();
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 100; ++j) publish(std::string(10'000, 'x'));
    shards_.settle();
  }
  MessageMemory::flush();
  EXPECT_LT(MessageMemory::used_bytes() - before_bytes, 3'000'000U) << "of 20 MB";
}

TEST_P(StreamTest, GoesOnWhereAMessageIsDamaged) {
  if (!GetParam()) GTEST_SKIP() << "messages in memory are not damaged";
  open();
  publish_numbers(0, 600);
  log_.log.damaged = {0, 100, 101, 255, 256};
  consume(from(StreamOffset{99}));
  EXPECT_EQ(delivered(), "99 " + numbers(102, 254) + " " + numbers(257, 600));
  EXPECT_EQ(channel_.replies.size(), 1U);
}

}  // namespace
}  // namespace leveret::broker
