/// Deliveries that are not acknowledged in time: RabbitMQ's consumer timeout, and the gentle form.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

LEVERET_SCRIPTS(TimingOut);

FieldTable argument(const char* name, std::int32_t value) {
  return table({{name, FieldValue::int32(value)}});
}

Frames timed_out(int timeout_ms) {
  return channel_close(406,
                       "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. "
                       "Timeout value used: " + std::to_string(timeout_ms) +
                       " ms. This timeout value can be configured, see consumers doc guide to "
                       "learn more",
                       {0, 0});
}

FieldTable gentle(int timeout_ms) {
  return table({{"x-consumer-timeout", FieldValue::int32(timeout_ms)},
                {"x-consumer-timeout-action", FieldValue::long_string("requeue")}});
}

TEST_P(TimingOut, ClosesTheChannelAndRequeues) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, argument("x-consumer-timeout", 1000)),
                  consume("q", "c"), publish("", "q", "1"), publish("", "q", "2"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"), deliver("c", 1, "q", "1"),
               deliver("c", 2, "q", "2"));
  client.turn_ends();
  world().advance(500ms);
  client.receives(ack(1));
  client.turn_ends();
  world().advance(499ms);
  client.replies_nothing();
  world().advance(1ms);
  client.replies(timed_out(1000));
  client.receives(channel_close_ok(), channel_open(), get("q", no_ack))
      .replies(channel_open_ok(), get_ok(1, 0, "q", "2", redelivered));
}

TEST_P(TimingOut, CountsWhatWasFetchedToo) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, argument("x-consumer-timeout", 1000)),
                  publish("", "q", "1"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "1"));
  client.turn_ends();
  world().advance(1000ms);
  client.replies(timed_out(1000));
}

TEST_P(TimingOut, IsOffUnlessSomebodySaysSo) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, argument("x-consumer-timeout", 0)),
                  publish("", "q", "1"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "1"));
  client.turn_ends();
  world().advance(24h);
  client.receives(ack(1), get("q")).replies(get_empty());
}

// Goal: of the node's limit and the queue's the smaller counts; another limit of the node is for
// deliveries from then on.
TEST_P(TimingOut, TakesTheSmallerLimit) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, argument("x-consumer-timeout", 5000)),
                  publish("", "q", "1"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "1"));
  client.turn_ends();
  world().set_consumer_timeout(2000ms);
  client.receives(publish("", "q", "2"), get("q")).replies(get_ok(2, 0, "q", "2"));
  client.turn_ends();
  world().set_consumer_timeout(60'000ms);
  client.receives(ack(2));
  client.turn_ends();
  world().advance(4999ms);
  client.replies_nothing();
  world().advance(1ms);
  client.replies(timed_out(5000));
}

TEST_P(TimingOut, AppliesTheNodesLimitEverywhere) {
  world().set_consumer_timeout(2000ms);
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "1"));
  client.turn_ends();
  world().advance(2000ms);
  client.replies(timed_out(2000));
}

TEST_P(TimingOut, LeavesAloneWhatNeedsNoAcknowledgement) {
  world().set_consumer_timeout(2000ms);
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), get("q", no_ack))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "1"));
  client.turn_ends();
  client.receives(consume("q", "c", no_ack), publish("", "q", "2"))
      .replies(consume_ok("c"), deliver("c", 2, "q", "2"));
  client.turn_ends();
  world().advance(1h);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 1));
}

// Goal: the gentle form takes back that message alone, and a late acknowledgement does no harm.
TEST_P(TimingOut, TakesBackOneMessage) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", no_flags, gentle(1000)), publish("", "q", "1"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), get_ok(1, 0, "q", "1"));
  client.turn_ends();
  world().advance(500ms);
  client.receives(publish("", "q", "2"), get("q")).replies(get_ok(2, 0, "q", "2"));
  client.turn_ends();
  world().advance(500ms);
  client.receives(get("q", no_ack)).replies(get_ok(3, 0, "q", "1", redelivered));
  client.turn_ends();
  client.receives(ack(1), ack(2), get("q")).replies(get_empty());
  client.turn_ends();
  client.receives(ack(1)).replies(
      channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 1", {60, 80}));
}

TEST_P(TimingOut, GoesOnToTheNextConsumer) {
  Client& slow = on_a_channel();
  slow.receives(queue_declare("q", no_flags, gentle(1000)), qos(1), consume("q", "slow"),
                publish("", "q", "1"))
      .replies(queue_declare_ok("q", 0, 0), qos_ok(), consume_ok("slow"),
               deliver("slow", 1, "q", "1"));
  slow.turn_ends();
  Client& other = on_a_channel();
  other.receives(consume("q", "c")).replies(consume_ok("c"));
  other.turn_ends();
  world().advance(1000ms);
  // Whoever is next in turn gets it; both can take it now.
  slow.receives(cancel("slow"));
  const std::string first = slow.take_frame();
  if (first == cancel_ok("slow").bytes) {
    other.replies(deliver("c", 1, "q", "1", redelivered));
    other.receives(ack(1), queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 1));
  } else {
    EXPECT_EQ(first, deliver("slow", 2, "q", "1", redelivered).bytes.substr(0, first.size()));
    slow.take_all();
    slow.receives(ack(2), queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 1));
  }
}

TEST_P(TimingOut, SettlesUpToATagThatWasTakenBack) {
  Client& client = on_a_channel();
  client.receives(queue_declare("gentle", no_flags, gentle(1000)), queue_declare("q"),
                  publish("", "q", "1"), publish("", "gentle", "2"))
      .replies(queue_declare_ok("gentle", 0, 0), queue_declare_ok("q", 0, 0));
  client.receives(get("q")).replies(get_ok(1, 0, "q", "1"));
  client.receives(get("gentle")).replies(get_ok(2, 0, "gentle", "2"));
  client.turn_ends();
  world().advance(1000ms);
  client.receives(ack(2, multiple), recover(requeue)).replies(recover_ok());
  client.receives(get("q")).replies(get_empty());
  client.receives(get("gentle", no_ack)).replies(get_ok(3, 0, "gentle", "2", redelivered));
}

TEST_P(TimingOut, LeavesToATransactionWhatItHolds) {
  Client& client = on_a_channel();
  client.receives(tx_select(), queue_declare("q", no_flags, gentle(1000)))
      .replies(tx_select_ok(), queue_declare_ok("q", 0, 0));
  client.receives(publish("", "q", "1"), tx_commit()).replies(tx_commit_ok());
  client.receives(get("q"), ack(1)).replies(get_ok(1, 0, "q", "1"));
  client.turn_ends();
  world().advance(1500ms);
  client.receives(tx_rollback()).replies(tx_rollback_ok());
  client.turn_ends();
  world().advance(400ms);
  client.receives(get("q")).replies(get_empty());
  client.turn_ends();
  world().advance(100ms);
  client.receives(get("q")).replies(get_ok(2, 0, "q", "1", redelivered));
}

TEST_P(TimingOut, RefusesValuesThatAreNone) {
  const std::vector<std::pair<FieldTable, std::string>> cases{
      {argument("x-consumer-timeout", -1),
       "invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/': {value_negative,-1}"},
      {table({{"x-consumer-timeout-action", FieldValue::long_string("cancel")}}),
       "invalid arg 'x-consumer-timeout-action' for queue 'q' in vhost '/': "
       "\"expected close-channel or requeue\""},
  };
  for (const auto& [arguments, why] : cases) {
    Client& client = on_a_channel();
    client.receives(queue_declare("q", no_flags, arguments))
        .replies(channel_close(406, "PRECONDITION_FAILED - " + why, {50, 10}));
    client.hangs_up();
  }
}

}  // namespace
}  // namespace leveret::broker
