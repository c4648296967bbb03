/// Quorum queues: what they refuse and with which words, and the counts that they show.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

class Quorum : public Script {
 protected:
  /// The arguments of a quorum queue, and one more.
  static FieldTable quorum() {
    return table({{"x-queue-type", FieldValue::long_string("quorum")}});
  }
  static FieldTable quorum(const char* name, FieldValue value) {
    return table({{"x-queue-type", FieldValue::long_string("quorum")}, {name, std::move(value)}});
  }
  Client& with_queue(const FieldTable& arguments = quorum()) {
    Client& client = on_a_channel();
    client.receives(queue_declare("q", durable, arguments)).replies(queue_declare_ok("q", 0, 0));
    client.turn_ends();
    return client;
  }
  static FieldTable count(std::int64_t value) {
    return table({{"x-delivery-count", FieldValue::int64(value)}});
  }
};
INSTANTIATE_TEST_SUITE_P(Played, Quorum, every_form(), form_name);

TEST_P(Quorum, MustBeDurableAndShared) {
  const auto property = [](const std::string& name) {
    return channel_close(
        406, "PRECONDITION_FAILED - invalid property '" + name + "' for queue 'q' in vhost '/'",
        {50, 10});
  };
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, quorum())).replies(property("non-durable"));
  client.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
  client.receives(queue_declare("q", durable | exclusive, quorum()))
      .replies(property("exclusive-owner"));
  client.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
  client.receives(queue_declare("q", durable | auto_delete, quorum()))
      .replies(property("auto-delete"));
  client.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
  client.receives(queue_declare("", durable, quorum()))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - Cannot declare a server-named queue for type "
                             "rabbit_quorum_queue",
                             {50, 10}));
  client.receives(channel_close_ok());
}

TEST_P(Quorum, IsNotDeletedOnConditions) {
  for (const auto& [flags, name] : {std::pair(if_unused, "if-unused"),
                                    std::pair(if_empty, "if-empty")}) {
    Client& client = with_queue();
    client.receives(queue_delete("q", flags))
        .replies(connection_close(540,
                                  "NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. "
                                  "queue.delete operations with " + std::string(name) +
                                      " flag set are not supported by quorum queues",
                                  {50, 40}));
    client.receives(connection_close_ok()).is_closed();
  }
}

TEST_P(Quorum, IsNotWhatALocalRandomExchangeMayBeBoundTo) {
  Client& client = with_queue();
  client.receives(exchange_declare("x", "x-local-random"), queue_declare("classic"))
      .replies(exchange_declare_ok(), queue_declare_ok("classic", 0, 0));
  client.receives(queue_bind("classic", "x")).replies(queue_bind_ok());
  client.receives(queue_bind("q", "x"))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - Queue type rabbit_quorum_queue not valid for "
                             "this exchange type",
                             {50, 20}));
  client.receives(channel_close_ok());
}

TEST_P(Quorum, RefusesASharedPrefetch) {
  Client& client = with_queue();
  client.receives(qos(5, global)).replies(qos_ok());
  client.receives(consume("q", "c"))
      .replies(connection_close(
          540, "NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos", {60, 20}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Quorum, RefusesToBeReadBesideASingleActiveConsumer) {
  Client& client =
      with_queue(quorum("x-single-active-consumer", FieldValue::boolean(true)));
  client.receives(get("q")).replies(channel_close(
      405,
      "RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get "
      "operations are not supported by quorum queues with single active consumer",
      {60, 70}));
  client.receives(channel_close_ok());
}

TEST_P(Quorum, ShowsHowOftenAMessageHasComeBack) {
  Client& client = with_queue(quorum("x-delivery-limit", FieldValue::int32(1)));
  client.receives(publish("", "q", "m"));
  client.turn_ends();
  client.receives(get("q")).replies(get_ok(1, 0, "q", "m", no_flags, {.headers = count(0)}));
  client.receives(nack(1, requeue));
  client.turn_ends();
  client.receives(consume("q", "c"))
      .replies(consume_ok("c"), deliver("c", 2, "q", "m", redelivered, {.headers = count(1)}));
  client.turn_ends();
  client.receives(nack(2, requeue));
  client.turn_ends();
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 1));
}

// Goal: a consumer that is gone has failed as one that gives back; who has seen nothing has not.
TEST_P(Quorum, CountsWhatALostClientHad) {
  Client& client = with_queue();
  client.receives(publish("", "q", "1"), publish("", "q", "2"));
  client.turn_ends();
  client.receives(get("q")).replies(get_ok(1, 1, "q", "1", no_flags, {.headers = count(0)}));
  client.turn_ends();
  client.hangs_up();
  world().catch_up();
  Client& other = on_a_channel();
  other.receives(get("q", no_ack))
      .replies(get_ok(1, 1, "q", "1", redelivered, {.headers = count(1)}));
  other.receives(get("q", no_ack)).replies(get_ok(2, 0, "q", "2", no_flags, {.headers = count(0)}));
}

TEST_P(Quorum, GivesAConsumerWithoutPrefetchTwoThousand) {
  Client& client = with_queue();
  for (int i = 0; i < 2001; ++i) client.receives(publish("", "q", "m"));
  client.turn_ends();
  client.receives(consume("q", "c")).replies(consume_ok("c"));
  for (std::uint64_t tag = 1; tag <= 2000; ++tag) client.replies(deliver("c", tag, "q", "m"));
  client.turn_ends();
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 1));
}

}  // namespace
}  // namespace leveret::broker
