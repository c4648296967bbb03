/// Messages that are dropped because their like has been seen: x-message-deduplication.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

LEVERET_SCRIPTS(DeduplicatingExchange);
LEVERET_SCRIPTS(DeclaringDeduplicating);
LEVERET_SCRIPTS(DeduplicatingQueue);

FieldTable arguments(std::int32_t size, std::optional<std::int32_t> ttl_ms = std::nullopt) {
  FieldTable made = table({{"x-cache-size", FieldValue::int32(size)}});
  if (ttl_ms) made.set("x-cache-ttl", FieldValue::int32(*ttl_ms));
  return made;
}

Properties like(FieldValue value, std::optional<std::int32_t> ttl_ms = std::nullopt) {
  FieldTable headers = table({{"x-deduplication-header", std::move(value)}});
  if (ttl_ms) headers.set("x-cache-ttl", FieldValue::int32(*ttl_ms));
  return {.headers = std::move(headers)};
}
Properties like(const char* value, std::optional<std::int32_t> ttl_ms = std::nullopt) {
  return like(FieldValue::long_string(value), ttl_ms);
}

/// An exchange "x", and a queue "q" that gets all that it lets pass.
Frames bound(const FieldTable& exchange_arguments, const char* type = "x-message-deduplication") {
  return exchange_declare("x", type, no_flags, exchange_arguments) + queue_declare("q") +
         queue_bind("q", "x", "k");
}
Frames bound_ok() { return exchange_declare_ok() + queue_declare_ok("q", 0, 0) + queue_bind_ok(); }

Frames ask_count() { return queue_declare("q", passive); }
Frames count(std::uint32_t messages) { return queue_declare_ok("q", messages, 0); }

TEST_P(DeduplicatingExchange, DropsWhatItHasSeenAndConfirmsIt) {
  Client& client = on_a_channel();
  client.receives(bound(arguments(10)), confirm_select())
      .replies(bound_ok(), confirm_select_ok());
  for (const std::uint64_t tag : {1U, 2U, 3U}) {
    client.receives(publish("x", "k", "m", like("a"))).replies(ack(tag));
    client.turn_ends();
  }
  client.receives(publish("x", "other", "m", like("b"))).replies(ack(4));
  client.turn_ends();
  client.receives(ask_count()).replies(count(2));
}

TEST_P(DeduplicatingExchange, LetsPassWhatHasNoHeader) {
  Client& client = on_a_channel();
  client.receives(bound(arguments(10)), publish("x", "k", "m"), publish("x", "k", "m"),
                  ask_count())
      .replies(bound_ok(), count(2));
}

// Goal: equal is what RabbitMQ's language takes for equal: widths make no difference, kinds do.
TEST_P(DeduplicatingExchange, ComparesValues) {
  Client& client = on_a_channel();
  client.receives(bound(arguments(10)), publish("x", "k", "m", like(FieldValue::int32(1))),
                  publish("x", "k", "m", like(FieldValue::int64(1))),
                  publish("x", "k", "m", like("1")),
                  publish("x", "k", "m", like(FieldValue::float64(1.0))), ask_count())
      .replies(bound_ok(), count(3));
}

TEST_P(DeduplicatingExchange, ForgetsTheOldestWhenItIsFull) {
  Client& client = on_a_channel();
  client.receives(bound(arguments(2)), publish("x", "k", "m", like("a")),
                  publish("x", "k", "m", like("b")), publish("x", "k", "m", like("c")),
                  publish("x", "k", "m", like("b")), publish("x", "k", "m", like("c")),
                  ask_count())
      .replies(bound_ok(), count(3));
  client.receives(publish("x", "k", "m", like("a")), ask_count()).replies(count(4));
}

TEST_P(DeduplicatingExchange, ForgetsInTime) {
  Client& client = on_a_channel();
  client.receives(bound(arguments(10, 1000)), publish("x", "k", "m", like("a")),
                  publish("x", "k", "m", like("b", 100)))
      .replies(bound_ok());
  client.turn_ends();
  world().advance(99ms);
  client.receives(publish("x", "k", "m", like("b")), ask_count()).replies(count(2));
  world().advance(1ms);
  client.receives(publish("x", "k", "m", like("b")), publish("x", "k", "m", like("a")),
                  ask_count())
      .replies(count(3));
  world().advance(900ms);
  client.receives(publish("x", "k", "m", like("a")), publish("x", "k", "m", like("b")),
                  ask_count())
      .replies(count(4));
}

// Goal: any type can do it, as in LavinMQ, by a header of any name.
TEST_P(DeduplicatingExchange, MayBeOfAnyType) {
  Client& client = on_a_channel();
  FieldTable asked = table({{"x-message-deduplication", FieldValue::boolean(true)},
                            {"x-deduplication-header", FieldValue::long_string("id")}});
  const Properties one{.headers = table({{"id", FieldValue::long_string("1")}})};
  client.receives(bound(asked, "direct"), publish("x", "k", "m", one),
                  publish("x", "k", "m", one), publish("x", "k", "m", like("a")),
                  publish("x", "k", "m", like("a")), publish("x", "nowhere", "m"), ask_count())
      .replies(bound_ok(), count(3));
}

TEST_P(DeduplicatingExchange, RemembersOneHundredAndTwentyEightIfNotTold) {
  Client& client = on_a_channel();
  client.receives(bound(table({{"x-message-deduplication", FieldValue::boolean(true)}}), "fanout"))
      .replies(bound_ok());
  Frames all;
  for (std::int32_t i = 0; i < 129; ++i) {
    all = all + publish("x", "k", "m", like(FieldValue::int32(i)));
  }
  client.receives(all, publish("x", "k", "m", like(FieldValue::int32(1))), ask_count())
      .replies(count(129));
  client.receives(publish("x", "k", "m", like(FieldValue::int32(0))), ask_count())
      .replies(count(130));
}

TEST_P(DeduplicatingExchange, DropsBeforeADelay) {
  Client& client = on_a_channel();
  FieldTable asked = table({{"x-message-deduplication", FieldValue::boolean(true)},
                            {"x-delayed-type", FieldValue::long_string("fanout")}});
  Properties delayed = like("a");
  delayed.headers->set("x-delay", FieldValue::int32(100));
  client.receives(bound(asked, "x-delayed-message"), publish("x", "k", "m", delayed),
                  publish("x", "k", "m", delayed))
      .replies(bound_ok());
  client.turn_ends();
  world().advance(100ms);
  client.receives(ask_count()).replies(count(1));
}

// Goal: one window for all publishers, wherever they are.
TEST_P(DeduplicatingExchange, HasOneWindowForAll) {
  Client& first = on_a_channel();
  Client& second = on_a_channel();
  first.receives(bound(arguments(10)), publish("x", "k", "m", like("a"))).replies(bound_ok());
  first.turn_ends();
  second.receives(publish("x", "k", "m", like("a")), ask_count()).replies(count(1));
}

TEST_P(DeclaringDeduplicating, RefusesWhatMakesNoSense) {
  const auto refuses = [&](const char* type, const FieldTable& asked, const char* text) {
    on_a_channel()
        .receives(exchange_declare("x", type, no_flags, asked))
        .replies(channel_close(406, std::string("PRECONDITION_FAILED - ") + text,
                               amqp::exchange::Declare::id));
  };
  constexpr auto type = "x-message-deduplication";
  constexpr auto bad_size =
      "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
  constexpr auto bad_ttl = "Invalid argument, 'x-cache-ttl' must be an integer greater than 0";
  refuses(type, {}, bad_size);
  refuses(type, arguments(0), bad_size);
  refuses(type, table({{"x-cache-size", FieldValue::long_string("many")}}), bad_size);
  refuses(type, arguments(1, 0), bad_ttl);
  refuses(type, arguments(1, -5), bad_ttl);
  FieldTable asked = arguments(1);
  asked.set("x-cache-persistence", FieldValue::long_string("paper"));
  refuses(type, asked,
          "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'");
  refuses("direct", table({{"x-message-deduplication", FieldValue::int32(1)}}),
          "Invalid argument, 'x-message-deduplication' must be a boolean");
}

TEST_P(DeclaringDeduplicating, TakesNumbersAsText) {
  Client& client = on_a_channel();
  client.receives(bound(table({{"x-cache-size", FieldValue::long_string("1")},
                               {"x-cache-ttl", FieldValue::long_string("1000")},
                               {"x-cache-persistence", FieldValue::long_string("disk")}})),
                  publish("x", "k", "m", like("a")), publish("x", "k", "m", like("b")),
                  publish("x", "k", "m", like("a")), ask_count())
      .replies(bound_ok(), count(3));
}

// Goal: with the plugin off the argument means nothing, and `false` says just that.
TEST_P(DeclaringDeduplicating, IsOffWhenFalse) {
  Client& client = on_a_channel();
  client.receives(bound(table({{"x-message-deduplication", FieldValue::boolean(false)}}), "fanout"),
                  publish("x", "k", "m", like("a")), publish("x", "k", "m", like("a")),
                  ask_count())
      .replies(bound_ok(), count(2));
}

// ---- queues --------------------------------------------------------------------------------

/// A queue "d" that takes no two messages of a kind.
Frames queue(FieldTable more = {}) {
  more.set("x-message-deduplication", FieldValue::boolean(true));
  return queue_declare("d", no_flags, more);
}
Frames queue_ok() { return queue_declare_ok("d", 0, 0); }
Frames to_queue(const char* body, const Properties& properties = {}) {
  return publish("", "d", body, properties);
}
Frames ask_depth() { return queue_declare("d", passive); }
Frames depth(std::uint32_t messages) { return queue_declare_ok("d", messages, 0); }

TEST_P(DeduplicatingQueue, DropsWhatItHoldsAndConfirmsIt) {
  Client& client = on_a_channel();
  client.receives(queue(), confirm_select(), to_queue("1", like("a")))
      .replies(queue_ok(), confirm_select_ok(), ack(1));
  client.turn_ends();
  client.receives(to_queue("2", like("a"))).replies(ack(2));
  client.turn_ends();
  client.receives(to_queue("3", like("b"))).replies(ack(3));
  client.turn_ends();
  client.receives(to_queue("4")).replies(ack(4));
  client.turn_ends();
  client.receives(to_queue("5")).replies(ack(5));
  client.turn_ends();
  client.receives(ask_depth()).replies(depth(4));
}

// Goal: a message is in the queue until it is settled, not only until it is delivered.
TEST_P(DeduplicatingQueue, LetsAMessageInWhenItsLikeIsSettled) {
  Client& client = on_a_channel();
  client.receives(queue(), to_queue("1", like("a")), get("d"), to_queue("2", like("a")),
                  ask_depth())
      .replies(queue_ok(), get_ok(1, 0, "d", "1", no_flags, like("a")), depth(0));
  client.receives(ack(1), to_queue("3", like("a")), to_queue("4", like("a")), ask_depth())
      .replies(depth(1));
  client.receives(get("d")).replies(get_ok(2, 0, "d", "3", no_flags, like("a")));
  client.receives(reject(2), to_queue("5", like("a")), ask_depth()).replies(depth(1));
  client.receives(get("d", no_ack), to_queue("6", like("a")), ask_depth())
      .replies(get_ok(3, 0, "d", "5", no_flags, like("a")), depth(1));
}

TEST_P(DeduplicatingQueue, HoldsWhatComesBack) {
  Client& client = on_a_channel();
  client.receives(queue(), to_queue("1", like("a")), get("d"))
      .replies(queue_ok(), get_ok(1, 0, "d", "1", no_flags, like("a")));
  client.receives(reject(1, requeue), to_queue("2", like("a")), ask_depth()).replies(depth(1));
}

TEST_P(DeduplicatingQueue, LetsAMessageInBehindADeliveryWithoutAck) {
  Client& client = on_a_channel();
  client.receives(queue(), consume("d", "c", no_ack)).replies(queue_ok(), consume_ok("c"));
  client.turn_ends();
  for (const std::uint64_t tag : {1U, 2U}) {
    client.receives(to_queue("m", like("a")))
        .replies(deliver("c", tag, "d", "m", no_flags, like("a")));
    client.turn_ends();
  }
}

TEST_P(DeduplicatingQueue, ForgetsWhatLeavesItInAnyWay) {
  Client& client = on_a_channel();
  client.receives(queue(table({{"x-max-length", FieldValue::int32(1)}})),
                  to_queue("1", like("a")), to_queue("2", like("b")), ask_depth())
      .replies(queue_ok(), depth(1));
  client.turn_ends();
  client.receives(to_queue("3", like("a")), ask_depth()).replies(depth(1));
  client.receives(get("d"), ack(1)).replies(get_ok(1, 0, "d", "3", no_flags, like("a")));
  Properties expiring = like("a");
  expiring.expiration = "100";
  client.receives(to_queue("4", expiring));
  client.turn_ends();
  world().advance(100ms);
  client.receives(to_queue("5", like("a")), ask_depth()).replies(depth(1));
  client.receives(queue_purge("d"), to_queue("6", like("a")), ask_depth())
      .replies(queue_purge_ok(1), depth(1));
}

TEST_P(DeduplicatingQueue, IsNotOneThatTakesAll) {
  Client& client = on_a_channel();
  client.receives(queue(), queue_declare("d"))
      .replies(queue_ok(), channel_close(406,
                                         "PRECONDITION_FAILED - inequivalent arg "
                                         "'x-message-deduplication' for queue 'd' in vhost '/': "
                                         "received none but current is the value 'true' of type "
                                         "'bool'",
                                         amqp::queue::Declare::id));
}

TEST_P(DeduplicatingQueue, IsClassic) {
  on_a_channel()
      .receives(queue_declare("d", durable,
                              table({{"x-queue-type", FieldValue::long_string("quorum")},
                                     {"x-message-deduplication", FieldValue::boolean(true)}})))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - invalid arg 'x-message-deduplication' for "
                             "queue 'd' in vhost '/' of queue type rabbit_quorum_queue",
                             amqp::queue::Declare::id));
}

TEST_P(DeduplicatingQueue, IsToldByABoolean) {
  on_a_channel()
      .receives(queue_declare("d", no_flags,
                              table({{"x-message-deduplication", FieldValue::int32(1)}})))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - invalid arg 'x-message-deduplication' for "
                             "queue 'd' in vhost '/': {unacceptable_type,signedint}",
                             amqp::queue::Declare::id));
}

}  // namespace
}  // namespace leveret::broker
