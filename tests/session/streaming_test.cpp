/// Streams: reading them, and what they refuse.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

LEVERET_SCRIPTS(Streaming);

FieldTable stream() { return table({{"x-queue-type", FieldValue::long_string("stream")}}); }
FieldTable from(FieldValue offset) { return table({{"x-stream-offset", std::move(offset)}}); }
FieldTable from_first() { return from(FieldValue::long_string("first")); }
/// What a message of this offset has.
Properties at(std::int64_t offset) {
  return {.headers = table({{"x-stream-offset", FieldValue::int64(offset)}})};
}

/// A stream "s", and a client that may read it.
Client& with_stream(Client& client) {
  client.receives(queue_declare("s", durable, stream()), qos(10))
      .replies(queue_declare_ok("s", 0, 0), qos_ok());
  return client;
}

TEST_P(Streaming, GivesEveryReaderEverything) {
  Client& client = with_stream(on_a_channel());
  client.receives(publish("", "s", "a"), publish("", "s", "b"));
  client.turn_ends();
  client.receives(consume("s", "x", no_flags, from_first()))
      .replies(consume_ok("x"), deliver("x", 1, "s", "a", no_flags, at(0)),
               deliver("x", 2, "s", "b", no_flags, at(1)));
  client.turn_ends();
  client.receives(consume("s", "y", no_flags, from(FieldValue::int32(1))))
      .replies(consume_ok("y"), deliver("y", 3, "s", "b", no_flags, at(1)));
  client.turn_ends();
  client.receives(ack(3, multiple), queue_declare("s", passive | durable))
      .replies(queue_declare_ok("s", 2, 0));
}

TEST_P(Streaming, GivesAReaderMoreForWhatItSettles) {
  Client& client = with_stream(on_a_channel());
  for (const char* body : {"a", "b", "c", "d", "e"}) client.receives(publish("", "s", body));
  client.turn_ends();
  client.receives(qos(1), consume("s", "x", no_flags, from_first()))
      .replies(qos_ok(), consume_ok("x"), deliver("x", 1, "s", "a", no_flags, at(0)));
  client.turn_ends();
  client.receives(ack(1)).replies(deliver("x", 2, "s", "b", no_flags, at(1)));
  client.turn_ends();
  client.receives(nack(2, requeue)).replies(deliver("x", 3, "s", "c", no_flags, at(2)));
  client.turn_ends();
  client.receives(reject(3)).replies(deliver("x", 4, "s", "d", no_flags, at(3)));
  client.turn_ends();
  client.receives(recover(requeue))
      .replies(recover_ok(), deliver("x", 5, "s", "e", no_flags, at(4)));
}

TEST_P(Streaming, LeavesOutWhatAFilterDoes) {
  Client& client = with_stream(on_a_channel());
  const auto with = [](const char* value) {
    return table({{"x-stream-filter-value", FieldValue::long_string(value)}});
  };
  const auto stored = [&](const char* value, std::int64_t offset) {
    FieldTable headers = with(value);
    headers.set("x-stream-offset", FieldValue::int64(offset));
    return Properties{.headers = headers};
  };
  client.receives(publish("", "s", "a", {.headers = with("red")}),
                  publish("", "s", "b", {.headers = with("blue")}), publish("", "s", "c"));
  client.turn_ends();
  FieldTable arguments = from_first();
  arguments.set("x-stream-filter", FieldValue::long_string("blue"));
  client.receives(consume("s", "x", no_flags, arguments))
      .replies(consume_ok("x"), deliver("x", 1, "s", "b", no_flags, stored("blue", 1)));
  client.turn_ends();
  arguments.set("x-stream-match-unfiltered", FieldValue::boolean(true));
  client.receives(consume("s", "y", no_flags, arguments))
      .replies(consume_ok("y"), deliver("y", 2, "s", "b", no_flags, stored("blue", 1)),
               deliver("y", 3, "s", "c", no_flags, at(2)));
}

TEST_P(Streaming, ConfirmsWhatTheLogHas) {
  Client& client = with_stream(on_a_channel());
  client.receives(confirm_select()).replies(confirm_select_ok());
  Client& reader = on_a_channel();
  reader.receives(qos(1), consume("s", "x")).replies(qos_ok(), consume_ok("x"));
  world().set_disk_slow(true);
  client.receives(publish("", "s", "a")).replies_nothing();
  reader.replies_nothing();
  world().set_disk_slow(false);
  client.replies(ack(1));
  reader.replies(deliver("x", 1, "s", "a", no_flags, at(0)));
}

TEST_P(Streaming, CommitsWhatTheLogHas) {
  Client& client = with_stream(on_a_channel());
  client.receives(tx_select(), publish("", "s", "a"), queue_declare("s", passive | durable))
      .replies(tx_select_ok(), queue_declare_ok("s", 0, 0));
  world().set_disk_slow(true);
  client.receives(tx_commit()).replies_nothing();
  world().set_disk_slow(false);
  client.replies(tx_commit_ok());
  client.receives(queue_declare("s", passive | durable)).replies(queue_declare_ok("s", 1, 0));
}

TEST_P(Streaming, GetsDeadLetters) {
  Client& client = with_stream(on_a_channel());
  client
      .receives(queue_declare("q", no_flags,
                              table({{"x-dead-letter-exchange", FieldValue::long_string("")},
                                     {"x-dead-letter-routing-key", FieldValue::long_string("s")}})),
                publish("", "q", "a"), get("q"), reject(1))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "a"));
  client.turn_ends();
  client.receives(queue_declare("s", passive | durable)).replies(queue_declare_ok("s", 1, 0));
}

TEST_P(Streaming, TellsItsReadersThatItIsDeleted) {
  Client& client = with_stream(on_a_channel(capable_of("consumer_cancel_notify")));
  client.receives(consume("s", "x"), publish("", "s", "a"))
      .replies(consume_ok("x"), deliver("x", 1, "s", "a", no_flags, at(0)));
  client.turn_ends();
  client.receives(queue_delete("s", if_unused | if_empty))
      .replies(queue_delete_ok(0), cancel("x", nowait));
}

// ---- what a stream refuses -------------------------------------------------------------------

TEST_P(Streaming, WantsAPrefetch) {
  Client& client = with_stream(on_a_channel());
  client.receives(qos(0), consume("s", "x", no_ack))
      .replies(qos_ok(), channel_close(406,
                                       "PRECONDITION_FAILED - consumer prefetch count is not set "
                                       "for 'queue 's' in vhost '/''",
                                       amqp::basic::Consume::id));
}

TEST_P(Streaming, WantsAcknowledgements) {
  Client& client = with_stream(on_a_channel());
  client.receives(consume("s", "x", no_ack))
      .replies(connection_close(540,
                                "NOT_IMPLEMENTED - automatic acknowledgement not supported by "
                                "stream queues queue 's' in vhost '/'",
                                amqp::basic::Consume::id));
}

TEST_P(Streaming, HasNoPrefetchOfAChannel) {
  Client& client = with_stream(on_a_channel());
  client.receives(qos(10, global), consume("s", "x"))
      .replies(qos_ok(), connection_close(540,
                                          "NOT_IMPLEMENTED - queue 's' in vhost '/' does not "
                                          "support global qos",
                                          amqp::basic::Consume::id));
}

TEST_P(Streaming, HasNothingToBeGot) {
  Client& client = with_stream(on_a_channel());
  client.receives(get("s")).replies(
      connection_close(540,
                       "NOT_IMPLEMENTED - basic.get not supported by stream queues queue 's' in "
                       "vhost '/'",
                       amqp::basic::Get::id));
}

TEST_P(Streaming, IsNotPurged) {
  Client& client = with_stream(on_a_channel());
  client.receives(queue_purge("s"))
      .replies(connection_close(540,
                                "NOT_IMPLEMENTED - queue.purge not supported by stream queues "
                                "queue 's' in vhost '/'",
                                amqp::queue::Purge::id));
}

TEST_P(Streaming, RefusesArgumentsThatMeanNothing) {
  struct Refused {
    const char* queue;
    FieldTable arguments;
    const char* text;
  };
  const Refused all[] = {
      {"s", table({{"x-priority", FieldValue::int32(1)}}),
       "invalid arg 'x-priority' for queue 's' in vhost '/' of queue type rabbit_stream_queue"},
      {"s", from(FieldValue::long_string("soon")),
       "invalid arg 'x-stream-offset' for queue 's' in vhost '/': "
       "{invalid_stream_offset_arg,{longstr,<<\"soon\">>}}"},
      {"s", table({{"x-stream-filter", FieldValue::int32(1)}}),
       "invalid arg 'x-stream-filter' for queue 's' in vhost '/': "
       "{invalid_stream_filter_arg,{signedint,1}}"},
      {"q", table({{"x-stream-filter", FieldValue::long_string("a")}}),
       "invalid arg 'x-stream-filter' for queue 'q' in vhost '/' of queue type "
       "rabbit_classic_queue"},
  };
  Client& client = with_stream(on_a_channel());
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  for (const Refused& refused : all) {
    client.receives(qos(10), consume(refused.queue, "x", no_flags, refused.arguments))
        .replies(qos_ok(),
                 channel_close(406, std::string("PRECONDITION_FAILED - ") + refused.text,
                               amqp::basic::Consume::id));
    client.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
  }
}

}  // namespace
}  // namespace leveret::broker
