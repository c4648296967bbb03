/// Messages and queues that end by themselves: expiration, x-message-ttl, x-expires.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

LEVERET_SCRIPTS(Expiring);
LEVERET_SCRIPTS(QueueExpiring);

FieldTable argument(const char* name, std::int32_t value) {
  return table({{name, FieldValue::int32(value)}});
}

TEST_P(Expiring, DropsAMessageAtItsTime) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "short", {.expiration = "1000"}),
                  publish("", "q", "long"))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(999ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 0));
  world().advance(1ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "long"));
}

TEST_P(Expiring, TakesTheShorterOfTheTwoTimes) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, argument("x-message-ttl", 1000)),
                  publish("", "q", "m", {.expiration = "5000"}))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(1000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
  client.receives(publish("", "q", "m", {.expiration = "500"}));
  client.turn_ends();
  world().advance(500ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// Goal: what is behind something that lives longer does not count any more when its time is over.
TEST_P(Expiring, DoesNotWaitBehindALongerLivedHead) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "head", {.expiration = "2000"}),
                  publish("", "q", "second", {.expiration = "1000"}), publish("", "q", "third"))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(999ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 3, 0));
  world().advance(1ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 0));
  world().advance(1000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
}

// Goal: a time to live of 0 is "now or never": RPC servers use it.
TEST_P(Expiring, OffersATimeOfZeroOnce) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "missed", {.expiration = "0"}))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
  client.receives(consume("q", "c")).replies(consume_ok("c"));
  client.turn_ends();
  client.receives(publish("", "q", "caught", {.expiration = "0"}))
      .replies(deliver("c", 1, "q", "caught", no_flags, {.expiration = "0"}));
}

TEST_P(Expiring, NeverGivesAConsumerWhatIsOver) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), qos(1), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("c"));
  client.turn_ends();
  client.receives(publish("", "q", "1"), publish("", "q", "2", {.expiration = "100"}),
                  publish("", "q", "3"))
      .replies(deliver("c", 1, "q", "1"));
  client.turn_ends();
  world().advance(100ms);
  client.receives(ack(1)).replies(deliver("c", 2, "q", "3"));
}

// Goal: a redelivery keeps its first deadline.
TEST_P(Expiring, GoesOnWhileAMessageIsHeld) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "m", {.expiration = "1000"}), get("q"))
      .replies(queue_declare_ok("q", 0, 0),
               get_ok(1, 0, "q", "m", no_flags, {.expiration = "1000"}));
  client.turn_ends();
  world().advance(2000ms);
  client.receives(nack(1, requeue), get("q")).replies(get_empty());
}

TEST_P(Expiring, RefusesTimesThatAreNone) {
  for (const char* text : {"", "abc", "-1", "1.5", "1 "}) {
    Client& client = on_a_channel();
    client.receives(publish("", "q", "m", {.expiration = text}));
    const auto answer = client.takes<amqp::channel::Close>([](const auto& method) {
      return std::to_string(method.reply_code) + " " + std::string(method.reply_text);
    });
    EXPECT_TRUE(answer.starts_with("406 PRECONDITION_FAILED - invalid expiration '")) << answer;
    client.hangs_up();
  }
}

// ---- queues --------------------------------------------------------------------------------

TEST_P(QueueExpiring, TakesAnUnusedQueueAway) {
  Client& client = on_a_channel(capable_of("consumer_cancel_notify"));
  client.receives(queue_declare("q", no_flags, argument("x-expires", 1000)), publish("", "q", "m"))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(999ms);
  client.receives(publish("", "q", "m", {}, mandatory)).replies_nothing();  // No use.
  world().advance(1ms);
  client.receives(publish("", "q", "m", {}, mandatory)).replies(returned("", "q", "m"));
}

TEST_P(QueueExpiring, IsPutOffByAnyUse) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, argument("x-expires", 1000)))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(600ms);
  client.receives(queue_declare("q", no_flags, argument("x-expires", 1000)))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(600ms);
  client.receives(get("q")).replies(get_empty());
  client.turn_ends();
  world().advance(600ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().advance(1000ms);
  client.receives(queue_declare("q", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'q' in vhost '/'", {50, 10}));
}

TEST_P(QueueExpiring, WaitsForTheLastConsumer) {
  Client& client = on_a_channel();
  client
      .receives(queue_declare("q", no_flags, argument("x-expires", 1000)), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  client.turn_ends();
  world().advance(10s);
  client.receives(cancel("c")).replies(cancel_ok("c"));
  client.turn_ends();
  world().advance(999ms);
  client.receives(publish("", "q", "m", {}, mandatory)).replies_nothing();
  world().advance(1ms);
  client.receives(publish("", "q", "m", {}, mandatory)).replies(returned("", "q", "m"));
}

}  // namespace
}  // namespace leveret::broker
