#include "broker/core/shard_state.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

Consumer consumer_of(Listener& channel, bool no_ack = false) {
  Consumer consumer;
  consumer.channel = channel.ref();
  consumer.key = ConsumerKey{7};
  consumer.no_ack = no_ack;
  return consumer;
}

TEST(ShardState, HandsOverMessagesByACallOrByMail) {
  Shards shards(2);
  Listener near(shards[0]);
  Listener far(shards[1]);
  const QueueRef queue = shards.declare(0, "q");
  shards[0].send(queue.shard, InspectQueue{queue, near.ref()});
  EXPECT_EQ(near.replies.size(), 1U);
  shards[1].send(queue.shard, InspectQueue{queue, far.ref()});
  EXPECT_EQ(shards.mail_for(0), 1U);
  EXPECT_TRUE(far.replies.empty());
  shards.settle();
  EXPECT_EQ(far.replies.size(), 1U);
}

TEST(ShardState, DeliversAcrossShards) {
  Shards shards(2);
  Listener consumer(shards[1]);
  Listener publisher(shards[1]);
  const QueueRef queue = shards.declare(0, "q");
  shards[1].send(queue.shard, AddConsumer{queue, consumer_of(consumer)});
  shards.settle();
  ASSERT_TRUE(consumer.replies.back().outcome);
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    shards[1].send(queue.shard,
                   PublishToQueue{queue, Shards::message(std::to_string(seq)), std::nullopt,
                                  publisher.ref(), PublishSeq{seq}});
  }
  shards.settle();
  EXPECT_EQ(consumer.take_bodies(), "1 2 3");
  EXPECT_EQ(publisher.verdicts, (std::vector<std::uint64_t>{1, 2, 3}));
}

// Goal: what was on its way to a channel that has closed goes back, not marked as redelivered,
// since nobody has seen it.
TEST(ShardState, SendsBackWhatNobodyTook) {
  Shards shards(2);
  const QueueRef queue = shards.declare(0, "q");
  auto channel = std::make_unique<Listener>(shards[1]);
  shards[1].send(queue.shard, AddConsumer{queue, consumer_of(*channel)});
  shards.settle();
  const ConsumerId consumer = channel->replies.back().consumer;
  Listener other(shards[0]);
  shards[0].send(queue.shard,
                 PublishToQueue{queue, Shards::message("m"), std::nullopt, {}, PublishSeq{}});
  shards[0].end_turn();  // The delivery lies in the mailbox now.
  ASSERT_EQ(shards.mail_for(1), 1U);
  shards[1].send(queue.shard, RemoveConsumer{queue, consumer, {}});
  channel.reset();
  shards.settle();
  shards[0].send(queue.shard, GetFromQueue{queue, other.ref(), true});
  ASSERT_TRUE(other.gets.back().entry);
  EXPECT_FALSE(other.gets.back().entry->redelivered);
}

// Goal: a channel may close while its consumer is being added, or while it waits for a message.
TEST(ShardState, TidiesUpBehindChannelsThatDidNotWait) {
  Shards shards(2);
  const QueueRef queue = shards.declare(0, "q");
  Listener watcher(shards[0]);
  {
    Listener hasty(shards[1]);
    shards[1].send(queue.shard, AddConsumer{queue, consumer_of(hasty)});
  }
  shards.settle();
  shards[0].send(queue.shard, InspectQueue{queue, watcher.ref()});
  EXPECT_EQ(watcher.replies.back().outcome->consumer_count, 0U);

  shards[0].send(queue.shard,
                 PublishToQueue{queue, Shards::message("m"), std::nullopt, {}, PublishSeq{}});
  {
    Listener hasty(shards[1]);
    shards[1].send(queue.shard, GetFromQueue{queue, hasty.ref(), false});
  }
  shards.settle();
  shards[0].send(queue.shard, InspectQueue{queue, watcher.ref()});
  EXPECT_EQ(watcher.replies.back().outcome->ready_count, 1U);
}

// Goal: a queue deleted meanwhile counts as having accepted the message.
TEST(ShardState, AcceptsForQueuesThatHaveGone) {
  Shards shards(1);
  Listener channel(shards[0]);
  const QueueRef queue = shards.declare(0, "q");
  shards[0].send(queue.shard, DeleteQueue{queue, channel.ref(), false, false});
  shards.settle();
  shards[0].send(queue.shard, PublishToQueue{queue, Shards::message("m"), std::nullopt,
                                             channel.ref(), PublishSeq{1}});
  EXPECT_EQ(channel.verdicts, (std::vector<std::uint64_t>{1}));
  for (const auto& message :
       std::vector<ShardMessage>{InspectQueue{queue, channel.ref()},
                                 PurgeQueue{queue, channel.ref()},
                                 DeleteQueue{queue, channel.ref(), false, false},
                                 AddConsumer{queue, consumer_of(channel)}}) {
    shards[0].dispatch(ShardMessage(message));
    ASSERT_FALSE(channel.replies.back().outcome);
    EXPECT_TRUE(channel.replies.back().outcome.error().gone);
  }
  shards[0].dispatch(GetFromQueue{queue, channel.ref(), false});
  EXPECT_FALSE(channel.gets.back().entry);
  shards[0].dispatch(Settle{queue, ConsumerId{1}, Position{1}, 1});
  shards[0].dispatch(RemoveConsumer{queue, ConsumerId{1}, {}});
}

TEST(ShardState, DeletesQueuesOnItsTerms) {
  Shards shards(1);
  Listener channel(shards[0]);
  const QueueRef queue = shards.declare(0, "q");
  shards[0].send(queue.shard,
                 PublishToQueue{queue, Shards::message("m"), std::nullopt, {}, PublishSeq{}});
  shards[0].send(queue.shard, DeleteQueue{queue, channel.ref(), false, true});
  EXPECT_EQ(channel.replies.back().outcome.error().error.reply_text(),
            "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty");
  shards[0].send(queue.shard, AddConsumer{queue, consumer_of(channel)});
  shards.settle();
  shards[0].send(queue.shard, DeleteQueue{queue, channel.ref(), true, false});
  EXPECT_EQ(channel.replies.back().outcome.error().error.reply_text(),
            "PRECONDITION_FAILED - queue 'q' in vhost '/' in use");
  shards[0].send(queue.shard, DeleteQueue{queue, channel.ref(), false, false});
  shards.settle();
  EXPECT_TRUE(channel.replies.back().outcome);
  EXPECT_EQ(channel.cancelled, (std::vector{ConsumerKey{7}}));
  EXPECT_EQ(shards[0].queue_count(), 0U);
}

TEST(ShardState, ConfirmsWhatTheLogHolds) {
  Shards shards(1);
  Listener channel(shards[0]);
  const std::array<std::uint64_t, 1> queues{1};
  shards[0].log_message(Shards::message("m"), queues, std::nullopt);
  shards[0].await_log(channel.slot(), PublishSeq{3});
  shards[0].log_message(Shards::message("m"), queues, std::nullopt);  // Unconfirmed.
  EXPECT_TRUE(channel.committed.empty());
  shards.settle();
  EXPECT_EQ(channel.committed, (std::vector<std::uint64_t>{3}));
  shards[0].log_message(Shards::message("m"), queues, std::nullopt);
  shards[0].await_log(channel.slot(), PublishSeq{4});
  channel.leave();
  shards.settle();
  EXPECT_EQ(channel.committed.size(), 1U);
}

TEST(ShardState, EndsTurnsForThoseWhoAsk) {
  Shards shards(1);
  Listener channel(shards[0]);
  shards[0].end_turn();
  EXPECT_EQ(channel.turns_ended, 0);
  shards[0].request_end_of_turn(channel.slot());
  EXPECT_TRUE(shards[0].end_turn());
  shards[0].end_turn();
  EXPECT_EQ(channel.turns_ended, 1);
}

TEST(ShardState, BringsDirectReplies) {
  Shards shards(2);
  Listener requester(shards[1]);
  Listener responder(shards[0]);
  requester.token = ReplyToken::generate(requester.ref());
  const auto send = [&](const ReplyToken& token, std::uint64_t seq, bool mandatory) {
    shards[0].send(token.channel.shard, PublishToReply{token, Shards::message("answer"),
                                                       responder.ref(), PublishSeq{seq},
                                                       mandatory});
    shards.settle();
  };
  send(requester.token, 0, false);
  EXPECT_EQ(requester.direct_replies.size(), 1U);
  EXPECT_TRUE(responder.reply_verdicts.empty());
  send(requester.token, 1, true);
  EXPECT_EQ(requester.direct_replies.size(), 2U);
  ASSERT_EQ(responder.reply_verdicts.size(), 1U);
  EXPECT_EQ(responder.reply_verdicts[0].undeliverable, nullptr);

  ReplyToken forged = requester.token;
  forged.secret[0] = static_cast<std::uint8_t>(forged.secret[0] ^ 1);
  send(forged, 2, true);
  EXPECT_EQ(requester.direct_replies.size(), 2U);
  ASSERT_EQ(responder.reply_verdicts.size(), 2U);
  EXPECT_NE(responder.reply_verdicts[1].undeliverable, nullptr);

  const auto inspect = [&](const ReplyToken& token) {
    shards[0].send(token.channel.shard, InspectReplyTarget{token, responder.ref()});
    shards.settle();
    return responder.replies.back().outcome.has_value();
  };
  EXPECT_TRUE(inspect(requester.token));
  EXPECT_FALSE(inspect(forged));
  requester.leave();
  EXPECT_FALSE(inspect(requester.token));
  send(requester.token, 3, true);
  EXPECT_NE(responder.reply_verdicts.back().undeliverable, nullptr);
}

// Goal: nothing more is sent to a shard that is behind, and it goes on when that is over.
TEST(ShardState, HoldsDeliveriesToACongestedShard) {
  Shards shards(2);
  Listener consumer(shards[1]);
  const QueueRef queue = shards.declare(0, "q");
  shards[1].send(queue.shard, AddConsumer{queue, consumer_of(consumer, true)});
  shards.settle();
  shards.set_congested(1, true);
  shards[0].send(queue.shard,
                 PublishToQueue{queue, Shards::message("m"), std::nullopt, {}, PublishSeq{}});
  shards.settle();
  EXPECT_EQ(consumer.take_bodies(), "");
  shards.set_congested(1, false);
  shards.settle();
  EXPECT_EQ(consumer.take_bodies(), "m");
}

TEST(ShardState, WakesThoseWhoWaitForAnInboxOnce) {
  Shards shards(2);
  Listener channel(shards[0]);
  Listener gone(shards[0]);
  shards[0].wait_for_inbox(channel.slot());
  shards[0].wait_for_inbox(gone.slot());
  gone.leave();
  shards[0].dispatch(InboxDrained{ShardId{1}});
  shards[0].dispatch(InboxDrained{ShardId{1}});
  EXPECT_EQ(channel.inboxes_drained, 1);
  EXPECT_EQ(gone.inboxes_drained, 0);
}

TEST(ShardState, TellsEverybodyOfAnAlarm) {
  Shards shards(1);
  Listener first(shards[0]);
  Listener second(shards[0]);
  shards[0].dispatch(ResourceAlarm{true, false});
  EXPECT_TRUE(shards[0].alarm().memory);
  shards[0].dispatch(ResourceAlarm{});
  EXPECT_EQ(first.alarms, (std::vector<bool>{true, false}));
  EXPECT_EQ(second.alarms, (std::vector<bool>{true, false}));
}

// Goal: endpoints may leave, and others come, while all are told something.
TEST(ShardState, KeepsAPlaceForAQueueThatIsBeingDeclared) {
  Shards shards(1);
  Listener channel(shards[0]);
  const QueueRef reserved{ShardId{0}, shards[0].reserve_queue()};
  shards[0].send(ShardId{0}, InspectQueue{reserved, channel.ref()});
  EXPECT_FALSE(channel.replies.back().outcome);
  QueueDefinition definition;
  definition.name = "q";
  definition.vhost = "/";
  definition.ref = reserved;
  shards[0].open_queue(std::make_shared<const QueueDefinition>(definition));
  shards[0].send(ShardId{0}, InspectQueue{reserved, channel.ref()});
  EXPECT_TRUE(channel.replies.back().outcome);
  shards[0].release_queue(reserved.slot);
  shards[0].release_queue(reserved.slot);
  EXPECT_EQ(shards[0].queue_count(), 0U);
}

}  // namespace
}  // namespace leveret::broker
