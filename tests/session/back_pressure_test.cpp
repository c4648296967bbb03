/// Clients that do not read, and shards that cannot keep up: memory stays bounded, others go on.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

class BackPressure : public Script {
 protected:
  static constexpr std::uint64_t mark_bytes = 100'000;
  static constexpr std::size_t body_bytes = 1000;

  BackPressure() { world().settings().write_high_watermark_bytes = mark_bytes; }

  /// Messages of `body_bytes` each, far more than an outbox may hold.
  static void fill(Client& publisher, int count) {
    const std::string body(body_bytes, 'b');
    Frames all;
    for (int i = 0; i < count; ++i) all = all + publish("", "q", body);
    // By frames whatever the form: byte by byte this would take long and tell nothing.
    publisher.receives_in_one_turn(all);
  }
};
INSTANTIATE_TEST_SUITE_P(Played, BackPressure,
                         testing::Values(Form{1, Split::frames}, Form{1, Split::chunk},
                                         Form{2, Split::frames}, Form{2, Split::chunk}),
                         form_name);

// Goal: whoever does not read costs a bounded amount of memory, with acks or without.
TEST_P(BackPressure, StopsDeliveriesToWhoDoesNotRead) {
  for (const Flags flags : {no_ack, no_flags}) {
    Client& reader = on_a_channel();
    reader.receives(queue_declare("q"), consume("q", "c", flags))
        .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
    reader.turn_ends();
    reader.stops_reading();
    Client& publisher = on_a_channel();
    fill(publisher, 1000);
    publisher.turn_ends();
    // What was on its way when the mark was reached is at most what the queue sends in one turn.
    EXPECT_GT(reader.unsent_bytes(), mark_bytes);
    EXPECT_LT(reader.unsent_bytes(), mark_bytes + 1'200'000);
    // It is still heard: a client that sends before it reads must not wait for ever.
    EXPECT_TRUE(reader.is_heard());
    const auto left = publisher.receives(queue_declare("q", passive))
                          .takes<amqp::queue::DeclareOk>(
                              [](const auto& method) { return method.message_count; });
    EXPECT_GT(left, GetParam().shard_count == 1 ? 800U : 0U);

    reader.reads_again();
    std::uint64_t received = 0;
    while (!reader.take_frame().empty()) ++received;
    EXPECT_EQ(received, 3000U);  // Method, header and body of each.
    EXPECT_TRUE(reader.is_heard());
    reader.hangs_up();
    publisher.receives(queue_delete("q"));
    publisher.take_all();
    publisher.hangs_up();
  }
}

TEST_P(BackPressure, LetsOthersGoOnMeanwhile) {
  Client& stuck = on_a_channel();
  stuck.receives(queue_declare("q"), consume("q", "c", no_ack))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  stuck.turn_ends();
  stuck.stops_reading();
  Client& publisher = on_a_channel();
  fill(publisher, 1500);
  publisher.turn_ends();
  Client& other = on_a_channel();
  other.receives(queue_declare("r"), consume("r", "d"), publish("", "r", "m"))
      .replies(queue_declare_ok("r", 0, 0), consume_ok("d"), deliver("d", 1, "r", "m"));
  other.turn_ends();
  // Another consumer of the same queue gets what the first cannot take.
  other.receives(consume("q", "e", no_ack)).replies(consume_ok("e"));
  EXPECT_FALSE(other.take_all().bytes.empty());
  other.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 2));
  stuck.hangs_up();
}

// Goal: a client of one thread may have to send much before it comes to read its deliveries.
TEST_P(BackPressure, TakesMessagesFromWhoDoesNotReadItsDeliveries) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_declare("r"), consume("q", "c", no_ack))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("r", 0, 0), consume_ok("c"));
  client.turn_ends();
  client.stops_reading();
  Client& publisher = on_a_channel();
  fill(publisher, 1000);
  publisher.turn_ends();
  ASSERT_GT(client.unsent_bytes(), mark_bytes);
  for (int i = 0; i < 100; ++i) client.receives(publish("", "r", std::string(10'000, 'b')));
  publisher.receives(queue_declare("r", passive)).replies(queue_declare_ok("r", 100, 0));
  client.hangs_up();
}

TEST_P(BackPressure, DoesNotReadRequestsOfWhoDoesNotReadAnswers) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", std::string(90'000, 'b')))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  client.stops_reading();
  for (int i = 0; i < 10; ++i) client.receives(get("q"), nack(0, multiple | requeue));
  client.turn_ends();
  EXPECT_FALSE(client.is_heard());
  EXPECT_LT(client.unsent_bytes(), 4 * mark_bytes);
  client.reads_again();
  EXPECT_TRUE(client.is_heard());
  std::uint64_t bytes = client.take_all().bytes.size();
  EXPECT_GT(bytes, 900'000U);  // All ten, now that it reads.
}

// Goal: no credit holds a direct reply back, so what a requester does not read is bounded apart.
TEST_P(BackPressure, DropsRepliesToARequesterWhoDoesNotRead) {
  Client& requester = on_a_channel();
  requester.receives(consume("amq.rabbitmq.reply-to", "r", no_ack), queue_declare("requests"))
      .replies(consume_ok("r"), queue_declare_ok("requests", 0, 0));
  requester.receives(publish("", "requests", "ask", {.reply_to = "amq.rabbitmq.reply-to"}));
  Client& responder = on_a_channel();
  responder.receives(get("requests", no_ack));
  responder.take_frame();
  const std::string header = responder.take_frame();
  responder.take_frame();
  const std::string address = header.substr(22, header.size() - 23);  // After head, flags, length.
  requester.stops_reading();

  const std::string reply(mark_bytes, 'r');
  const Frames answer = publish("", address, reply, {}, mandatory);
  std::uint64_t returned_count = 0;
  for (int i = 0; i < 70; ++i) {
    responder.receives(answer);
    if (!responder.take_all().bytes.empty()) ++returned_count;
  }
  EXPECT_GT(returned_count, 0U);
  EXPECT_LT(requester.unsent_bytes(), 66 * mark_bytes);
  EXPECT_GT(requester.unsent_bytes(), 60 * mark_bytes);
  requester.reads_again();
  requester.take_all();
  responder.receives(answer).replies_nothing();
  EXPECT_GT(requester.take_all().bytes.size(), mark_bytes);
}

// Goal: a publisher waits for a shard that is behind, and goes on when it has caught up.
TEST_P(BackPressure, HoldsPublishersToACongestedShard) {
  if (GetParam().shard_count == 1) return;  // One shard has no inbox.
  Client& consumer = on_a_channel();
  consumer.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  Client& publisher = on_a_channel();
  publisher.turn_ends();
  ASSERT_NE(consumer.shard(), publisher.shard());
  world().set_congested(consumer.shard(), true);
  publisher.receives(publish("", "q", "1"));
  EXPECT_FALSE(publisher.is_heard());
  publisher.receives(publish("", "q", "2"));
  consumer.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
  consumer.turn_ends();
  world().set_congested(consumer.shard(), false);
  EXPECT_TRUE(publisher.is_heard());
  consumer.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 0));
}

// Goal: a queue does not send to a shard that is behind.
TEST_P(BackPressure, HoldsDeliveriesToACongestedShard) {
  if (GetParam().shard_count == 1) return;
  Client& consumer = on_a_channel();
  Client& publisher = on_a_channel();
  publisher.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  consumer.receives(consume("q", "c")).replies(consume_ok("c"));
  consumer.turn_ends();
  world().set_congested(consumer.shard(), true);
  publisher.receives(publish("", "q", "1"));
  consumer.replies_nothing();
  world().set_congested(consumer.shard(), false);
  consumer.replies(deliver("c", 1, "q", "1"));
}

}  // namespace
}  // namespace leveret::broker
