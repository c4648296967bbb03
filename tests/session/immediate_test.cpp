/// basic.publish with `immediate`, where it is switched on: to a consumer at once, or back.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

class Immediate : public Script {
 protected:
  Immediate() { world().settings().immediate = true; }

  /// A publisher, and two queues.
  Client& publisher() {
    Client& client = on_a_channel();
    client.receives(queue_declare("q"), queue_declare("r"))
        .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("r", 0, 0));
    for (const char* queue : {"q", "r"}) {
      client.receives(queue_bind(queue, "amq.fanout", "")).replies(queue_bind_ok());
    }
    client.turn_ends();
    return client;
  }
};
INSTANTIATE_TEST_SUITE_P(Played, Immediate, every_form(), form_name);

Frames returned_from_fanout(std::string_view body) {
  return frames_of(amqp::basic::Return{313, "NO_CONSUMERS", "amq.fanout", ""}, Properties{}, body);
}

TEST_P(Immediate, ComesBackWithoutAConsumer) {
  Client& client = publisher();
  client.receives(publish("", "q", "m", {}, immediate)).replies(returned_undelivered("q", "m"));
  client.turn_ends();
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

TEST_P(Immediate, ReachesAConsumerThatCanTakeIt) {
  Client& client = publisher();
  Client& consumer = on_a_channel();
  consumer.receives(qos(1), consume("q", "c")).replies(qos_ok(), consume_ok("c"));
  consumer.turn_ends();
  client.receives(publish("", "q", "1", {}, immediate));
  client.turn_ends();
  consumer.replies(deliver("c", 1, "q", "1"));
  client.receives(publish("", "q", "2", {}, immediate)).replies(returned_undelivered("q", "2"));
  client.turn_ends();
  consumer.receives(ack(1));
  consumer.turn_ends();
  client.receives(publish("", "q", "3", {}, immediate));
  client.turn_ends();
  consumer.replies(deliver("c", 2, "q", "3"));
}

// Goal: what waits is not overtaken: there is nobody who could take it either.
TEST_P(Immediate, DoesNotWaitBehindOthers) {
  Client& client = publisher();
  client.receives(publish("", "q", "waits"));
  client.turn_ends();
  client.receives(publish("", "q", "m", {}, immediate)).replies(returned_undelivered("q", "m"));
  client.turn_ends();
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "waits"));
}

TEST_P(Immediate, IsReturnedBeforeItsConfirm) {
  Client& client = publisher();
  client.receives(confirm_select()).replies(confirm_select_ok());
  client.receives(publish("", "q", "1", {}, immediate))
      .replies(returned_undelivered("q", "1"), ack(1));
  client.turn_ends();
  client.receives(publish("", "q", "2")).replies(ack(2));
}

TEST_P(Immediate, IsReturnedBeforeItsConfirmWhenItIsPersistent) {
  Client& client = on_a_channel();
  client.receives(queue_declare("d", durable), confirm_select())
      .replies(queue_declare_ok("d", 0, 0), confirm_select_ok());
  client.turn_ends();
  const Properties persistent{.delivery_mode = 2};
  client.receives(publish("", "d", "1", persistent, immediate));
  client.replies(frames_of(amqp::basic::Return{313, "NO_CONSUMERS", "", "d"}, persistent, "1"),
                 ack(1));
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 0, 0));
}

// Goal: of several queues only those have it that could deliver it; nobody returns it then.
TEST_P(Immediate, IsOnlyWhereItIsDelivered) {
  Client& client = publisher();
  Client& consumer = on_a_channel();
  consumer.receives(consume("r", "c")).replies(consume_ok("c"));
  consumer.turn_ends();
  client.receives(publish("amq.fanout", "", "m", {}, immediate));
  client.turn_ends();
  consumer.replies(deliver("c", 1, "", "m", no_flags, {}, "amq.fanout"));
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

TEST_P(Immediate, ComesBackOnceFromSeveralQueues) {
  Client& client = publisher();
  client.receives(publish("amq.fanout", "", "m", {}, immediate))
      .replies(returned_from_fanout("m"));
  client.turn_ends();
  client.receives(queue_declare("q", passive), queue_declare("r", passive))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("r", 0, 0));
}

TEST_P(Immediate, ComesBackFromNowhere) {
  Client& client = on_a_channel();
  client.receives(publish("", "nowhere", "1", {}, immediate))
      .replies(returned_undelivered("nowhere", "1"));
  client.turn_ends();
  client.receives(publish("", "nowhere", "2", {}, immediate | mandatory))
      .replies(returned("", "nowhere", "2"));
}

TEST_P(Immediate, IsDecidedAtTheCommit) {
  Client& client = publisher();
  client.receives(tx_select()).replies(tx_select_ok());
  client.receives(publish("", "q", "1", {}, immediate), publish("", "q", "2")).replies_nothing();
  client.turn_ends();
  client.receives(tx_commit()).replies(returned_undelivered("q", "1"), tx_commit_ok());
  client.turn_ends();
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "2"));
}

// Goal: a verdict that is still on its way does not confuse a channel that changes its mode.
TEST_P(Immediate, MayBeFollowedByAnotherMode) {
  Client& client = publisher();
  client.receives_in_one_turn(publish("", "q", "1", {}, immediate), confirm_select(),
                              publish("", "q", "2"));
  const std::string all = client.take_all().bytes;
  EXPECT_NE(all.find(returned_undelivered("q", "1").bytes), std::string::npos);
  EXPECT_NE(all.find(confirm_select_ok().bytes), std::string::npos);
  EXPECT_NE(all.find(ack(1).bytes), std::string::npos);
}

TEST_P(Immediate, IsNotTakenByAPausedQueue) {
  Client& client = publisher();
  Client& consumer = on_a_channel();
  consumer.receives(consume("q", "c")).replies(consume_ok("c"));
  consumer.turn_ends();
  world().change(PauseQueue{"/", "q", true});
  client.receives(publish("", "q", "m", {}, immediate)).replies(returned_undelivered("q", "m"));
}

// ---- pausing -------------------------------------------------------------------------------

LEVERET_SCRIPTS(Pausing);

TEST_P(Pausing, HoldsDeliveriesBack) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  client.turn_ends();
  world().change(PauseQueue{"/", "q", true});
  client.receives(publish("", "q", "1"), publish("", "q", "2", {.expiration = "1000"}));
  client.turn_ends();
  client.receives(get("q")).replies(get_empty());
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 1));
  client.turn_ends();
  world().advance(1000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 1));
  client.turn_ends();
  world().change(PauseQueue{"/", "q", false});
  client.replies(deliver("c", 1, "q", "1"));
}

TEST_P(Pausing, TakesBackWhatIsRequeued) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"), deliver("c", 1, "q", "1"));
  client.turn_ends();
  world().change(PauseQueue{"/", "q", true});
  client.receives(nack(1, requeue), queue_declare("q", passive))
      .replies(queue_declare_ok("q", 1, 1));
  client.turn_ends();
  world().change(PauseQueue{"/", "q", false});
  client.replies(deliver("c", 2, "q", "1", redelivered));
}

// Goal: an exchange that keeps something asks on behalf of the publisher; what it holds back is
// taken.
TEST_P(Immediate, IsAskedForBehindExchangesThatKeepSomething) {
  Client& client = publisher();
  client.receives(exchange_declare("x", "x-delayed-message", no_flags,
                                   table({{"x-delayed-type", FieldValue::long_string("fanout")}})),
                  confirm_select())
      .replies(exchange_declare_ok(), confirm_select_ok());
  client.turn_ends();
  const auto come_back = [](std::string_view body) {
    return frames_of(amqp::basic::Return{313, "NO_CONSUMERS", "x", "k"}, Properties{}, body);
  };
  client.receives(publish("x", "k", "no queue", {}, immediate))
      .replies(come_back("no queue"), ack(1));
  client.turn_ends();
  client.receives(queue_bind("q", "x"), publish("x", "k", "no consumer", {}, immediate))
      .replies(queue_bind_ok(), come_back("no consumer"), ack(2));
  client.turn_ends();
  const Properties held{.headers = table({{"x-delay", FieldValue::int32(100)}})};
  client.receives(publish("x", "k", "held", held, immediate)).replies(ack(3));
  client.turn_ends();
  Client& consumer = on_a_channel();
  consumer.receives(consume("q", "c", no_ack)).replies(consume_ok("c"));
  consumer.turn_ends();
  client.receives(publish("x", "k", "m", {}, immediate)).replies(ack(4));
  client.turn_ends();
  consumer.replies(deliver("c", 1, "k", "m", no_flags, {}, "x"));
}

}  // namespace
}  // namespace leveret::broker
