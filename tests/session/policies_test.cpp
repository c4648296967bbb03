/// Policies that come and go while clients are at work. What happens is what RabbitMQ 3.10.8 does.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

class PoliciesLive : public Script {
 protected:
  void put(const std::string& definition, const std::string& pattern = "^q$",
           const std::string& component = "policy") {
    world().change(PutParameter{{{"/", component, "p"},
                                 R"({"pattern":")" + pattern + R"(","priority":0,"definition":)" +
                                     definition + "}"}});
  }
  void remove() { world().change(DeleteParameter{{"/", "policy", "p"}}); }

  /// Queue "q" with messages 1 to `count`.
  Client& with_messages(int count, const FieldTable& arguments = {}) {
    Client& client = on_a_channel();
    client.receives(queue_declare("q", no_flags, arguments)).replies(queue_declare_ok("q", 0, 0));
    fill(client, 1, count);
    return client;
  }
  void fill(Client& client, int first, int last) {
    for (int i = first; i <= last; ++i) client.receives(publish("", "q", std::to_string(i)));
    client.turn_ends();
  }
  static FieldTable number(const char* name, std::int32_t value) {
    return table({{name, FieldValue::int32(value)}});
  }
};
INSTANTIATE_TEST_SUITE_P(Played, PoliciesLive, every_form(), form_name);

// ---- length --------------------------------------------------------------------------------

TEST_P(PoliciesLive, MakeALongQueueShortAtOnce) {
  Client& client = with_messages(10);
  put(R"({"max-length":4})");
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 4, 0));
  client.receives(get("q", no_ack)).replies(get_ok(1, 3, "q", "7"));
  fill(client, 11, 13);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 4, 0));
  remove();
  fill(client, 14, 16);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 7, 0));
}

TEST_P(PoliciesLive, LeaveTheSmallerLimitOfArgumentAndPolicy) {
  Client& client = with_messages(10, number("x-max-length", 5));
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 5, 0));
  put(R"({"max-length":7})");
  fill(client, 11, 15);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 5, 0));
  put(R"({"max-length":3})");
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 3, 0));
  // The arguments are what they were: declared again it is the same queue.
  client.receives(queue_declare("q", no_flags, number("x-max-length", 5)))
      .replies(queue_declare_ok("q", 3, 0));
  put(R"({"max-length":2})", "^q$", "operator_policy");
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 0));
}

// Goal: RabbitMQ makes room by a new limit first, and refuses only what comes then.
TEST_P(PoliciesLive, ShortenAQueueThatRefusesFromNowOn) {
  Client& client = with_messages(10);
  put(R"({"max-length":4,"overflow":"reject-publish"})");
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 4, 0));
  client.receives(confirm_select()).replies(confirm_select_ok());
  client.receives(publish("", "q", "11")).replies(nack(1));
  // It refuses already, so a smaller limit takes nothing away.
  put(R"({"max-length":2,"overflow":"reject-publish"})");
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 4, 0));
  client.receives(get("q", no_ack)).replies(get_ok(1, 3, "q", "7"));
  client.receives(publish("", "q", "12")).replies(nack(2));
  remove();
  client.receives(publish("", "q", "13")).replies(ack(3));
  client.turn_ends();
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 4, 0));
}

// ---- time ----------------------------------------------------------------------------------

// Goal: a time to live counts from when a message comes, by what holds then.
TEST_P(PoliciesLive, GiveATimeToWhatComesOnly) {
  Client& client = with_messages(1);
  put(R"({"message-ttl":1000})");
  client.turn_ends();
  world().advance(2000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "1"));
  fill(client, 2, 2);
  world().advance(999ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
  world().advance(1ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

TEST_P(PoliciesLive, TakeNoTimeBack) {
  Client& client = with_messages(0);
  put(R"({"message-ttl":1000})");
  fill(client, 1, 1);
  put(R"({"message-ttl":60000})");
  fill(client, 2, 2);
  remove();
  fill(client, 3, 3);
  world().advance(1000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 0));
  world().advance(59'000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
}

TEST_P(PoliciesLive, EndAnUnusedQueueByATimeThatBeginsWithTheChange) {
  Client& client = with_messages(0);
  world().advance(5000ms);
  put(R"({"expires":1000})");
  world().advance(900ms);
  // Whatever changes, it begins again.
  put(R"({"expires":1000,"max-length":5})");
  world().advance(999ms);
  client.receives(consume("q", "c")).replies(consume_ok("c"));
  client.turn_ends();
  world().advance(5000ms);
  client.receives(cancel("c")).replies(cancel_ok("c"));
  client.turn_ends();
  world().advance(1000ms);
  client.receives(queue_declare("q", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'q' in vhost '/'", {50, 10}));
}

TEST_P(PoliciesLive, KeepAnUnusedQueueThatTheyNoLongerEnd) {
  Client& client = with_messages(0);
  put(R"({"expires":1000})");
  world().advance(500ms);
  remove();
  world().advance(5000ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// ---- returns -------------------------------------------------------------------------------

// Goal: RabbitMQ's classic queues have no such limit, so a policy has to be for them alone.
TEST_P(PoliciesLive, LimitHowOftenAMessageComesBackToAClassicQueue) {
  Client& client = with_messages(1);
  world().change(PutParameter{{{"/", "policy", "p"},
                               R"({"pattern":"^q$","apply-to":"classic_queues","priority":0,)"
                               R"("definition":{"delivery-limit":1}})"}});
  const auto returned_before = [](std::int64_t count) {
    return Properties{.headers = table({{"x-delivery-count", FieldValue::int64(count)}})};
  };
  client.receives(get("q")).replies(get_ok(1, 0, "q", "1", no_flags, returned_before(0)));
  client.receives(nack(1, requeue));
  client.turn_ends();
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
  client.receives(get("q")).replies(get_ok(2, 0, "q", "1", redelivered, returned_before(1)));
  client.receives(nack(2, requeue));
  client.turn_ends();
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// ---- dead letters --------------------------------------------------------------------------

TEST_P(PoliciesLive, DeadLetterAtOnceEvenWhatWasDeliveredBefore) {
  Client& client = with_messages(3);
  client.receives(queue_declare("d")).replies(queue_declare_ok("d", 0, 0));
  client.receives(get("q")).replies(get_ok(1, 2, "q", "1"));
  put(R"({"dead-letter-exchange":"","dead-letter-routing-key":"d"})");
  client.receives(reject(1));
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 1, 0));
  client.receives(get("q")).replies(get_ok(2, 1, "q", "2"));
  client.receives(nack(2));
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 2, 0));
  put(R"({"dead-letter-exchange":"","dead-letter-routing-key":"d","max-length":0})");
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 3, 0));
}

TEST_P(PoliciesLive, NoLongerDeadLetterWhatTheyDidWhenItWasDelivered) {
  Client& client = with_messages(1);
  client.receives(queue_declare("d")).replies(queue_declare_ok("d", 0, 0));
  put(R"({"dead-letter-exchange":"","dead-letter-routing-key":"d"})");
  client.receives(get("q")).replies(get_ok(1, 0, "q", "1"));
  remove();
  client.receives(reject(1));
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 0, 0));
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// Goal: a rejection in a transaction goes the same way, and what is acknowledged is not touched.
TEST_P(PoliciesLive, DeadLetterWhatATransactionRejects) {
  Client& client = with_messages(2);
  client.receives(queue_declare("d")).replies(queue_declare_ok("d", 0, 0));
  client.receives(tx_select()).replies(tx_select_ok());
  client.receives(get("q"), get("q")).replies(get_ok(1, 1, "q", "1"), get_ok(2, 0, "q", "2"));
  put(R"({"dead-letter-exchange":"","dead-letter-routing-key":"d"})");
  client.receives(reject(1), ack(2), tx_commit()).replies(tx_commit_ok());
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 1, 0));
}

TEST_P(PoliciesLive, AddAKeyToADeadLetterExchangeOfTheArguments) {
  Client& client =
      with_messages(1, table({{"x-dead-letter-exchange", FieldValue::long_string("")}}));
  client.receives(queue_declare("d")).replies(queue_declare_ok("d", 0, 0));
  put(R"({"dead-letter-exchange":"nowhere","dead-letter-routing-key":"d"})");
  client.receives(get("q")).replies(get_ok(1, 0, "q", "1"));
  client.receives(reject(1));
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 1, 0));
}

// ---- exchanges -----------------------------------------------------------------------------

TEST_P(PoliciesLive, GiveAnExchangeAnAlternate) {
  Client& client = on_a_channel();
  client.receives(exchange_declare("x", "direct"), exchange_declare("y", "fanout"),
                  queue_declare("d"), queue_bind("d", "y"))
      .replies(exchange_declare_ok(), exchange_declare_ok(), queue_declare_ok("d", 0, 0),
               queue_bind_ok());
  client.receives(publish("x", "k", "m", {}, mandatory)).replies(returned("x", "k", "m"));
  // The channel remembers where "x" and "k" lead; it must not for longer than that is so.
  put(R"({"alternate-exchange":"y"})", "");
  client.receives(publish("x", "k", "m", {}, mandatory));
  client.receives(publish("amq.direct", "k", "m", {}, mandatory));
  client.turn_ends();
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 2, 0));
  client.receives(publish("", "k", "m", {}, mandatory)).replies(returned("", "k", "m"));
  remove();
  client.receives(publish("x", "k", "m", {}, mandatory)).replies(returned("x", "k", "m"));
  client.receives(queue_declare("d", passive)).replies(queue_declare_ok("d", 2, 0));
}

// ---- whose queues --------------------------------------------------------------------------

TEST_P(PoliciesLive, HoldForExclusiveQueuesAndNamesOfTheServer) {
  put(R"({"max-length":2})", "");
  Client& client = on_a_channel();
  client.receives(queue_declare("q", exclusive)).replies(queue_declare_ok("q", 0, 0));
  fill(client, 1, 5);
  client.receives(queue_declare("q", passive | exclusive)).replies(queue_declare_ok("q", 2, 0));
  client.receives(queue_declare("", exclusive));
  const auto name = client.takes<amqp::queue::DeclareOk>(
      [](const auto& method) { return std::string(method.queue); });
  for (int i = 0; i < 5; ++i) client.receives(publish("", name, "m"));
  client.turn_ends();
  client.receives(queue_declare(name, passive)).replies(queue_declare_ok(name, 2, 0));
}

}  // namespace
}  // namespace leveret::broker
