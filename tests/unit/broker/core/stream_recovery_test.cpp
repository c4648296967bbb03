/// What a stream knows again after a restart.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "broker/core/recovered_messages.hpp"
#include "broker/core/stream_message.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

/// A log of a former process with messages of one stream.
class StreamRecovery : public testing::Test {
 protected:
  static constexpr std::uint64_t number = 1;

  void open(QueueSettings settings = {}) {
    QueueDefinition definition;
    definition.name = "s";
    definition.settings = settings;
    definition.settings.type = QueueType::stream;
    definition.durable_number = number;
    definition.ref = {shards_[0].own(), shards_[0].reserve_queue()};
    stream_ = definition.ref;
    queues_.emplace(number, &shards_[0].open_queue(std::make_shared<QueueDefinition>(definition)));
  }
  /// The log has kept the message of this offset; the body is the number.
  void keep(std::uint64_t offset, std::uint64_t published_at_ms = 0, std::size_t size = 0) {
    std::string body = std::to_string(offset);
    body.resize(std::max(body.size(), size), ' ');
    const auto message = with_stream_offset(*Shards::message(body), StreamOffset{offset});
    const auto parts = message->log_parts();
    storage::MessageRecord record;
    record.parts = parts;
    log_.append_message(record, message->log_place());
    log_.submit();
    log_.write_all();
    storage::LiveReference reference;
    reference.place = message->log_place();
    reference.queue = number;
    reference.published_at_ms = published_at_ms;
    reference.body_size_bytes = static_cast<std::uint32_t>(body.size());
    EXPECT_TRUE(messages_.add(reference));
  }
  void finish() {
    messages_.finish();
    paging_.pager.end_recovery();
    shards_.settle();
  }
  Queue& stream() { return *queues_.at(number); }
  /// The bodies that a reader gets.
  std::string read(decltype(StreamStart::from) start) {
    Consumer consumer;
    consumer.channel = channel_.ref();
    consumer.credit_limit = UINT16_MAX;
    consumer.reading = std::make_shared<const StreamReading>(StreamReading{{start}, {}, false});
    shards_[0].send(ShardId{0}, AddConsumer{stream_, std::move(consumer)});
    shards_.settle();
    return channel_.take_bodies();
  }
  void publish() {
    shards_[0].send(ShardId{0}, PublishToQueue{stream_, Shards::message("new"), {}, {}, {}});
    shards_.settle();
    log_.write_all();
  }
  std::optional<StreamOffset> offset_of_next() {
    publish();
    read(StreamStart::Next{});
    publish();
    const auto offset = stream_offset_of(*channel_.deliveries.back().entry.message);
    return StreamOffset{static_cast<std::uint64_t>(*offset) - 1};
  }

  ReadableLog log_;
  Shards shards_{1, &log_};
  Paging& paging_{shards_.start_paging(0, &log_)};
  RecoveredMessages::Queues queues_;
  const RecoveredMessages::Exchanges exchanges_;
  RecoveredMessages messages_{queues_, exchanges_, log_, Instant{1}, WallTime{}};
  Listener channel_{shards_[0]};
  QueueRef stream_;
};

TEST_F(StreamRecovery, KnowsItsOffsetsAgain) {
  open();
  for (std::uint64_t offset = 1'000'000; offset < 1'000'700; ++offset) keep(offset);
  finish();
  EXPECT_EQ(stream().counts().ready_count, 700U);
  EXPECT_EQ(read(StreamOffset{1'000'698}), "1000698 1000699");
  EXPECT_EQ(read(StreamOffset{5}).substr(0, 15), "1000000 1000001");
  EXPECT_EQ(read(StreamStart::Last{}), "1000699");
  EXPECT_EQ(offset_of_next(), StreamOffset{1'000'700});
}

TEST_F(StreamRecovery, BeginsAtZeroWithNothing) {
  open();
  finish();
  EXPECT_EQ(stream().counts().ready_count, 0U);
  EXPECT_EQ(offset_of_next(), StreamOffset{0});
}

// Goal: what a damaged log has lost shifts no offset.
TEST_F(StreamRecovery, KnowsItsOffsetsWhereSomethingIsMissing) {
  open();
  for (std::uint64_t offset = 10; offset < 2000; ++offset) {
    if (offset == 11 || (offset >= 400 && offset < 900) || offset == 1998) continue;
    keep(offset);
  }
  finish();
  EXPECT_EQ(stream().counts().ready_count, 1990U) << "RabbitMQ's sum: last - first + 1";
  EXPECT_EQ(read(StreamOffset{1996}), "1996 1997 1999");
  EXPECT_EQ(read(StreamOffset{1998}), "1999");
  EXPECT_EQ(read(StreamOffset{399}).substr(0, 11), "399 900 901");
  EXPECT_EQ(read(StreamOffset{600}).substr(0, 7), "900 901");
  EXPECT_EQ(read(StreamStart::First{}).substr(0, 8), "10 12 13");
  EXPECT_EQ(offset_of_next(), StreamOffset{2000});
}

TEST_F(StreamRecovery, KnowsItsOffsetsWhenMessagesAtTheEndsAreDamaged) {
  open();
  for (std::uint64_t offset = 10; offset < 1000; ++offset) keep(offset);
  log_.damaged = {0, 989};
  finish();
  EXPECT_EQ(stream().counts().ready_count, 990U);
  EXPECT_EQ(read(StreamOffset{997}), "997 998");
  EXPECT_EQ(read(StreamStart::First{}).substr(0, 5), "11 12");
  EXPECT_EQ(offset_of_next(), StreamOffset{1000});
}

TEST_F(StreamRecovery, KnowsWhenItsMessagesCame) {
  open();
  for (std::uint64_t offset = 0; offset < 600; ++offset) keep(offset, 1000 * offset);
  finish();
  EXPECT_EQ(read(StreamStart::Time{WallTime{598'000}}), "598 599");
  EXPECT_EQ(read(StreamStart::Time{WallTime{300'001}}).substr(0, 7), "301 302");
}

TEST_F(StreamRecovery, DropsWhatHasBecomeTooOld) {
  QueueSettings settings;
  settings.max_age_ms = 100'000;
  settings.stream_max_segment_size_bytes = 10'000;
  open(settings);
  for (std::uint64_t offset = 0; offset < 100; ++offset) keep(offset, 1000 * offset, 1000);
  shards_.set_wall_time(WallTime{150'000});
  finish();
  const std::uint64_t left = stream().counts().ready_count;
  EXPECT_GE(left, 50U);
  EXPECT_LT(left, 65U) << "segments are told apart again";
  EXPECT_EQ(log_.settled.size(), 100U - left);
  EXPECT_EQ(read(StreamOffset{98}).substr(0, 2), "98");
}

TEST_F(StreamRecovery, SettlesWhatItHasRecoveredWhenItIsDeleted) {
  open();
  for (std::uint64_t offset = 0; offset < 1000; ++offset) keep(offset);
  finish();
  shards_[0].send(ShardId{0}, DeleteQueue{stream_, {}, false, false});
  shards_.settle();
  EXPECT_EQ(log_.settled.size(), 1000U);
  EXPECT_EQ(paging_.pages.chunk_count(), 0U);
}

}  // namespace
}  // namespace leveret::broker
