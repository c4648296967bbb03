/// A queue to be tested, alone on a shard.
///
/// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/core/queue.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {

/// One queue "q", and a channel that may consume from it. Everything holds as well when what waits
/// in the queue is paged out at the end of each turn.
class QueueTest : public testing::TestWithParam<bool> {
 protected:
  QueueTest() {
    if (GetParam()) shards_.start_paging(0);
  }
  void open(QueueSettings settings = {}, bool auto_delete = false) {
    QueueDefinition definition;
    definition.settings = settings;
    definition.auto_delete = auto_delete;
    queue_ = shards_.declare(0, "q", definition);
  }
  void publish(std::string_view body, std::optional<std::uint64_t> expiration_ms = std::nullopt) {
    shard().send(ShardId{0},
                 PublishToQueue{queue_, Shards::message(body), expiration_ms, {}, PublishSeq{}});
  }
  /// The body is the priority.
  void publish_ranked(int priority, std::optional<std::uint64_t> expiration_ms = std::nullopt) {
    auto message =
        Shards::message(std::to_string(priority), static_cast<std::uint8_t>(priority));
    shard().send(ShardId{0},
                 PublishToQueue{queue_, std::move(message), expiration_ms, {}, PublishSeq{}});
  }
  ConsumerId consume(std::uint32_t credit_limit = 0, bool no_ack = false) {
    Consumer consumer;
    consumer.channel = channel_.ref();
    consumer.key = ConsumerKey{++last_key_};
    consumer.credit_limit = credit_limit;
    consumer.no_ack = no_ack;
    shard().send(ShardId{0}, AddConsumer{queue_, std::move(consumer)});
    return channel_.replies.back().consumer;
  }
  QueueCounts counts() {
    shard().send(ShardId{0}, InspectQueue{queue_, channel_.ref()});
    shards_.settle();
    const auto& outcome = channel_.replies.back().outcome;
    return outcome ? *outcome : QueueCounts{999, 999};
  }
  bool is_gone() {
    shard().send(ShardId{0}, InspectQueue{queue_, channel_.ref()});
    shards_.settle();
    return !channel_.replies.back().outcome;
  }
  std::string get(bool no_ack = true) {
    shard().send(ShardId{0}, GetFromQueue{queue_, channel_.ref(), no_ack});
    auto& reply = channel_.gets.back();
    if (!reply.entry) return "";
    return std::string(protocol::text_of(reply.entry->message->body())) +
           (reply.entry->redelivered ? "*" : "");
  }
  std::string delivered() {
    shards_.settle();
    return channel_.take_bodies();
  }
  ShardState& shard() { return shards_[0]; }

  Shards shards_{1};
  Listener channel_{shards_[0]};
  QueueRef queue_;
  std::uint32_t last_key_ = 0;
};

}  // namespace leveret::broker
