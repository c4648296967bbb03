/// basic.consume: who is served, in which order, how much at once, and until when.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

LEVERET_SCRIPTS(Consuming);
LEVERET_SCRIPTS(Prefetch);
LEVERET_SCRIPTS(Cancelling);

FieldTable priority(std::int32_t value) {
  return table({{"x-priority", FieldValue::int32(value)}});
}

// ---- who is served -------------------------------------------------------------------------

// Goal: clients that get a delivery for a tag they have not heard of fail.
TEST_P(Consuming, AnswersBeforeTheFirstDelivery) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "old")).replies(queue_declare_ok("q", 0, 0));
  client.receives(consume("q", "c")).replies(consume_ok("c"), deliver("c", 1, "q", "old"));
  client.turn_ends();
  client.receives(publish("", "q", "new")).replies(deliver("c", 2, "q", "new"));
}

TEST_P(Consuming, MakesUpATag) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", ""), consume("q", ""))
      .replies(queue_declare_ok("q", 0, 0));
  const auto tag = [&] {
    return client.takes<amqp::basic::ConsumeOk>(
        [](const auto& method) { return std::string(method.consumer_tag); });
  };
  const std::string first = tag();
  const std::string second = tag();
  EXPECT_TRUE(first.starts_with("amq.ctag-")) << first;
  EXPECT_EQ(first.size(), 31U);
  EXPECT_NE(first, second);
}

TEST_P(Consuming, TakesTheLastDeclaredQueueForAnEmptyName) {
  Client& client = on_a_channel();
  client.receives(queue_declare("other"), queue_declare("q"), consume("", "c"))
      .replies(queue_declare_ok("other", 0, 0), queue_declare_ok("q", 0, 0), consume_ok("c"));
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 1));
}

TEST_P(Consuming, NeedsNoAnswerWhereNoneIsWanted) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", nowait), publish("", "q", "m"), consume("q", "c", nowait))
      .replies(deliver("c", 1, "q", "m"));
  client.turn_ends();
  client.receives(cancel("c", nowait), queue_delete("q", nowait)).replies_nothing();
}

TEST_P(Consuming, RefusesATagTwice) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", "c"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"),
               connection_close(530, "NOT_ALLOWED - attempt to reuse consumer tag 'c'", {60, 20}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Consuming, KeepsALimitOfConsumers) {
  world().settings().consumers_per_channel_max = 1;
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", "c"), consume("q", "d"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"),
               connection_close(530, "NOT_ALLOWED - reached maximum (1) of consumers per channel",
                                {60, 20}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Consuming, ServesInTurn) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", "a"), consume("q", "b"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("a"), consume_ok("b"), consume_ok("c"));
  client.turn_ends();
  std::uint64_t tag = 0;
  for (const char* who : {"a", "b", "c", "a", "b", "c"}) {
    client.receives(publish("", "q", "m")).replies(deliver(who, ++tag, "q", "m"));
    client.turn_ends();
  }
}

TEST_P(Consuming, ServesHigherPrioritiesFirst) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), qos(1), consume("q", "low", no_flags, priority(-1)),
                  consume("q", "high", no_flags, priority(10)), consume("q", "plain"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("low"), consume_ok("high"),
               consume_ok("plain"));
  client.turn_ends();
  std::uint64_t tag = 0;
  for (const char* who : {"high", "plain", "low"}) {
    client.receives(publish("", "q", "m")).replies(deliver(who, ++tag, "q", "m"));
    client.turn_ends();
  }
  client.receives(publish("", "q", "m")).replies_nothing();  // Nobody has credit left.
  client.receives(ack(3)).replies(deliver("low", 4, "q", "m"));
  client.turn_ends();
  client.receives(ack(1), publish("", "q", "m")).replies(deliver("high", 5, "q", "m"));
}

// Goal: what needs no acknowledgement is gone when it is sent.
TEST_P(Consuming, WithoutAcksForgetsWhatItSent) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), qos(1), consume("q", "c", no_ack))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("c"));
  client.turn_ends();
  client.receives(publish("", "q", "one"), publish("", "q", "two"))
      .replies(deliver("c", 1, "q", "one"), deliver("c", 2, "q", "two"));
  client.turn_ends();
  client.hangs_up();
  Client& other = on_a_channel();
  other.receives(get("q")).replies(get_empty());
}

TEST_P(Consuming, ExclusivelyShutsOthersOut) {
  Client& owner = on_a_channel();
  owner.receives(queue_declare("q"), consume("q", "c", exclusive))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  Client& other = on_a_channel();
  const Frames refusal =
      channel_close(403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use", {60, 20});
  other.receives(consume("q", "d")).replies(refusal);
  other.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
  owner.receives(cancel("c")).replies(cancel_ok("c"));
  other.receives(consume("q", "d")).replies(consume_ok("d"));
  owner.receives(consume("q", "c", exclusive)).replies(refusal);
}

TEST_P(Consuming, OfAnotherConnectionsExclusiveQueueIsRefused) {
  Client& owner = on_a_channel();
  owner.receives(queue_declare("mine", exclusive)).replies(queue_declare_ok("mine", 0, 0));
  const std::string text =
      "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It "
      "could be originally declared on another connection or the exclusive property value does "
      "not match that of the original declaration.";
  const std::vector<std::pair<Frames, amqp::MethodId>> cases{
      {consume("mine", "c"), {60, 20}}, {get("mine"), {60, 70}},
      {queue_purge("mine"), {50, 30}},  {queue_delete("mine"), {50, 40}},
      {queue_declare("mine"), {50, 10}}, {queue_declare("mine", passive), {50, 10}},
      {queue_bind("mine", "amq.direct", "k"), {50, 20}}};
  Client& other = connected();
  for (const auto& [frames, method] : cases) {
    other.receives(channel_open(), frames, channel_close_ok())
        .replies(channel_open_ok(), channel_close(405, text, method));
  }
}

// Goal: a queue and its consumer on different shards, and messages from both sides.
TEST_P(Consuming, ReachesAcrossConnections) {
  Client& consumer = on_a_channel();
  Client& publisher = on_a_channel();
  publisher.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  consumer.receives(consume("q", "c")).replies(consume_ok("c"));
  publisher.receives(publish("", "q", "theirs"));
  consumer.replies(deliver("c", 1, "q", "theirs"));
  consumer.receives(publish("", "q", "own")).replies(deliver("c", 2, "q", "own"));
  consumer.turn_ends();
  consumer.receives(nack(1, requeue)).replies(deliver("c", 3, "q", "theirs", redelivered));
  consumer.turn_ends();
  consumer.receives(ack(0, multiple));
  publisher.receives(queue_delete("q")).replies(queue_delete_ok(0));
}

TEST_P(Consuming, GivesAnothersMessagesToWhoIsLeft) {
  Client& first = on_a_channel();
  first.receives(queue_declare("q"), consume("q", "a"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("a"));
  first.turn_ends();
  first.receives(publish("", "q", "one"), publish("", "q", "two"))
      .replies(deliver("a", 1, "q", "one"), deliver("a", 2, "q", "two"));
  Client& second = on_a_channel();
  second.receives(consume("q", "b")).replies(consume_ok("b"));
  first.hangs_up();
  second.replies(deliver("b", 1, "q", "one", redelivered),
                 deliver("b", 2, "q", "two", redelivered));
}

// ---- prefetch ------------------------------------------------------------------------------

TEST_P(Prefetch, HoldsBackMoreThanItsCount) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), qos(2), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("c"));
  client.turn_ends();
  for (const char* body : {"1", "2", "3", "4", "5"}) client.receives(publish("", "q", body));
  client.replies(deliver("c", 1, "q", "1"), deliver("c", 2, "q", "2")).replies_nothing();
  client.receives(ack(1)).replies(deliver("c", 3, "q", "3")).replies_nothing();
  client.receives(ack(3, multiple)).replies(deliver("c", 4, "q", "4"), deliver("c", 5, "q", "5"));
}

// Goal: without global it is each later consumer's own, and earlier ones keep what they had.
TEST_P(Prefetch, IsThatOfConsumersMadeAfterwards) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_declare("r"), consume("q", "free"), qos(1),
                  consume("r", "one"), consume("r", "two"))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("r", 0, 0), consume_ok("free"),
               qos_ok(), consume_ok("one"), consume_ok("two"));
  client.turn_ends();
  client.receives_in_one_turn(publish("", "q", "a"), publish("", "q", "b"))
      .replies(deliver("free", 1, "q", "a"), deliver("free", 2, "q", "b"));
  client.receives_in_one_turn(publish("", "r", "c"), publish("", "r", "d"), publish("", "r", "e"))
      .replies(deliver("one", 3, "r", "c"), deliver("two", 4, "r", "d"))
      .replies_nothing();
}

TEST_P(Prefetch, GlobalIsSharedByTheChannelsConsumers) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_declare("r"), qos(2, global), consume("q", "a"),
                  consume("r", "b"))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("r", 0, 0), qos_ok(), consume_ok("a"),
               consume_ok("b"));
  client.turn_ends();
  client.receives(publish("", "q", "1")).replies(deliver("a", 1, "q", "1"));
  client.turn_ends();
  client.receives(publish("", "r", "2")).replies(deliver("b", 2, "r", "2"));
  client.turn_ends();
  client.receives(publish("", "q", "3"), publish("", "r", "4")).replies_nothing();
  client.receives(queue_declare("q", passive), queue_declare("r", passive))
      .replies(queue_declare_ok("q", 1, 1), queue_declare_ok("r", 1, 1));
  client.turn_ends();
  client.receives(ack(2, multiple));
  client.take_all();  // Which of the two comes first is the broker's choice.
  client.receives(queue_declare("q", passive), queue_declare("r", passive))
      .replies(queue_declare_ok("q", 0, 1), queue_declare_ok("r", 0, 1));
}

// Goal: a message that the shared limit sent back has been seen by nobody.
TEST_P(Prefetch, GlobalDoesNotMarkWhatItHeldBack) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), qos(1, global), consume("q", "a"), consume("q", "b"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("a"), consume_ok("b"));
  client.turn_ends();
  client
      .receives_in_one_turn(publish("", "q", "1"), publish("", "q", "2"), publish("", "q", "3"))
      .replies(deliver("a", 1, "q", "1"))
      .replies_nothing();
  for (std::uint64_t tag = 1; tag < 3; ++tag) {
    client.receives(ack(tag));
    const std::string frame = client.take_frame();
    EXPECT_EQ(frame.at(frame.size() - 5), '\0') << describe(frame);  // Redelivered.
    client.take_frame();
    EXPECT_EQ(client.take_frame(), content_body(std::to_string(tag + 1)).bytes);
  }
  client.replies_nothing();
}

// Goal: as in RabbitMQ, only deliveries to consumers count (see the conformance scripts).
TEST_P(Prefetch, GlobalDoesNotCountWhatWasFetched) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), publish("", "q", "2"),
                  qos(1, global), get("q"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), get_ok(1, 1, "q", "1"));
  client.receives(consume("q", "c")).replies(consume_ok("c"), deliver("c", 2, "q", "2"));
}

TEST_P(Prefetch, MayBeTakenAway) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), qos(1, global), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("c"));
  client.turn_ends();
  client.receives_in_one_turn(publish("", "q", "1"), publish("", "q", "2"), publish("", "q", "3"))
      .replies(deliver("c", 1, "q", "1"))
      .replies_nothing();
  client.receives(qos(0, global))
      .replies(qos_ok(), deliver("c", 2, "q", "2"), deliver("c", 3, "q", "3"));
}

// ---- cancel --------------------------------------------------------------------------------

TEST_P(Cancelling, StopsDeliveriesAndKeepsWhatIsUnsettled) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  client.turn_ends();
  client.receives(publish("", "q", "one")).replies(deliver("c", 1, "q", "one"));
  client.turn_ends();
  client.receives(cancel("c")).replies(cancel_ok("c"));
  client.receives(publish("", "q", "two")).replies_nothing();
  client.receives(ack(1)).replies_nothing();
  client.receives(get("q")).replies(get_ok(2, 0, "q", "two"));
}

TEST_P(Cancelling, OfAnUnknownTagSucceeds) {
  Client& client = on_a_channel();
  client.receives(cancel("none")).replies(cancel_ok("none"));
}

TEST_P(Cancelling, FreesTheTag) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", "c"), cancel("c"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"), cancel_ok("c"), consume_ok("c"));
}

TEST_P(Cancelling, TellsWhoAskedForItThatTheQueueHasGone) {
  Client& told = on_a_channel(capable_of("consumer_cancel_notify"));
  Client& untold = on_a_channel();
  told.receives(queue_declare("q"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  untold.receives(consume("q", "d")).replies(consume_ok("d"));
  Client& other = on_a_channel();
  other.receives(queue_delete("q")).replies(queue_delete_ok(0));
  told.replies(frame_of(amqp::basic::Cancel{"c", true}));
  untold.replies_nothing();
  told.receives(cancel("c")).replies(cancel_ok("c"));
  told.receives(queue_declare("q"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
}

// Goal: py-amqp raises a cancel that comes before delete-ok as an error from within the deletion.
TEST_P(Cancelling, TellsWhoDeletesTheQueueAfterItsAnswer) {
  Client& client = on_a_channel(capable_of("consumer_cancel_notify"));
  client.receives(queue_declare("q"), consume("q", "c"), consume("q", "d"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"), consume_ok("d"));
  client.receives(queue_delete("q"))
      .replies(queue_delete_ok(0), frame_of(amqp::basic::Cancel{"c", true}),
               frame_of(amqp::basic::Cancel{"d", true}));
}

// Goal: with cancel-ok the queue is gone for everybody, so its name is free for another one.
TEST_P(Cancelling, EndsAnAutoDeleteQueueBeforeItsAnswer) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", auto_delete), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  client.receives(cancel("c"), queue_declare("q", durable))
      .replies(cancel_ok("c"), queue_declare_ok("q", 0, 0));
}

TEST_P(Cancelling, EndsAnAutoDeleteQueue) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", auto_delete), queue_declare("q", passive))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("q", 0, 0));
  client.receives(consume("q", "c"), cancel("c")).replies(consume_ok("c"), cancel_ok("c"));
  client.receives(queue_declare("q", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'q' in vhost '/'", {50, 10}));
}

}  // namespace
}  // namespace leveret::broker
