/// Exchanges of the type x-delayed-message: messages that go on later.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

LEVERET_SCRIPTS(Delaying);
LEVERET_SCRIPTS(DeclaringDelayed);

FieldTable delayed_type(const char* type) {
  return table({{"x-delayed-type", FieldValue::long_string(type)}});
}

Properties delay(FieldValue value, const char* header = "x-delay") {
  return {.headers = table({{header, std::move(value)}})};
}
Properties delay(std::int32_t milliseconds) { return delay(FieldValue::int32(milliseconds)); }

/// An exchange "x" of that type, whose key "k" leads to the queue "q".
Frames bound(const char* type = "direct") {
  return exchange_declare("x", "x-delayed-message", no_flags, delayed_type(type)) +
         queue_declare("q") + queue_bind("q", "x", "k");
}
Frames bound_ok() { return exchange_declare_ok() + queue_declare_ok("q", 0, 0) + queue_bind_ok(); }

Frames got(std::uint64_t tag, std::uint32_t left, const char* body, const Properties& properties) {
  return get_ok(tag, left, "k", body, no_flags, properties, "x");
}

TEST_P(Delaying, HoldsAMessageUntilItsTime) {
  Client& client = on_a_channel();
  client.receives(bound(), publish("x", "k", "m", delay(1000))).replies(bound_ok());
  client.turn_ends();
  world().advance(999ms);
  client.receives(get("q", no_ack)).replies(get_empty());
  world().advance(1ms);
  client.receives(get("q", no_ack)).replies(got(1, 0, "m", delay(-1000)));
}

TEST_P(Delaying, SendsTheSoonestFirstAndEqualsInTheirOrder) {
  Client& client = on_a_channel();
  client.receives(bound(), publish("x", "k", "late", delay(300)),
                  publish("x", "k", "soon", delay(100)), publish("x", "k", "now"),
                  publish("x", "k", "late too", delay(300)))
      .replies(bound_ok());
  client.turn_ends();
  world().advance(1s);
  client.receives(get("q", no_ack), get("q", no_ack), get("q", no_ack), get("q", no_ack))
      .replies(got(1, 3, "now", {}), got(2, 2, "soon", delay(-100)),
               got(3, 1, "late", delay(-300)), got(4, 0, "late too", delay(-300)));
}

// Goal: the header may be a number of any type; what is none, or not above zero, means no delay.
TEST_P(Delaying, ReadsADelayOfAnyType) {
  Client& client = on_a_channel();
  client.receives(bound()).replies(bound_ok());
  std::uint64_t tag = 0;
  for (const FieldValue& value :
       {FieldValue::int8(100), FieldValue::uint8(100), FieldValue::int16(100),
        FieldValue::uint16(100), FieldValue::uint32(100), FieldValue::int64(100),
        FieldValue::long_string("100"), FieldValue::float32(100.5F), FieldValue::float64(100.9)}) {
    client.receives(publish("x", "k", "m", delay(value)), get("q")).replies(get_empty());
    client.turn_ends();
    world().advance(100ms);
    client.receives(get("q", no_ack)).replies(got(++tag, 0, "m", delay(-100)));
    client.turn_ends();
  }
  for (const FieldValue& value :
       {FieldValue::int32(0), FieldValue::int32(-100), FieldValue::long_string("soon"),
        FieldValue::long_string(""), FieldValue::boolean(true), FieldValue::void_value()}) {
    client.receives(publish("x", "k", "m", delay(value)), get("q", no_ack))
        .replies(got(++tag, 0, "m", delay(value)));
    client.turn_ends();
  }
}

// Goal: the plugin takes no more than 2^32 - 1; here there is no ceiling.
TEST_P(Delaying, HasNoCeiling) {
  Client& client = on_a_channel();
  constexpr std::int64_t year_ms = 365LL * 24 * 3600 * 1000;
  client.receives(bound(), publish("x", "k", "year", delay(FieldValue::int64(year_ms))),
                  publish("x", "k", "never", delay(FieldValue::int64(INT64_MAX))))
      .replies(bound_ok());
  client.turn_ends();
  world().advance(std::chrono::milliseconds(year_ms - 1));
  client.receives(get("q", no_ack)).replies(get_empty());
  world().advance(1ms);
  client.receives(get("q", no_ack))
      .replies(got(1, 0, "year", delay(FieldValue::int64(-year_ms))));
}

// Goal: a time in place of a delay. The calendar of these worlds stands at 1970.
TEST_P(Delaying, SendsAMessageAtATime) {
  Client& client = on_a_channel();
  const auto at_ms = delay(FieldValue::int64(1500), "x-deliver-at");
  const auto at_s = delay(FieldValue::timestamp(2), "x-deliver-at");
  const auto past = delay(FieldValue::int64(0), "x-deliver-at");
  client.receives(bound(), publish("x", "k", "2", at_s), publish("x", "k", "1", at_ms),
                  publish("x", "k", "0", past), get("q", no_ack), get("q", no_ack))
      .replies(bound_ok(), got(1, 0, "0", past), get_empty());
  client.turn_ends();
  world().advance(1500ms);
  client.receives(get("q", no_ack), get("q", no_ack)).replies(got(2, 0, "1", at_ms), get_empty());
  world().advance(500ms);
  client.receives(get("q", no_ack)).replies(got(3, 0, "2", at_s));
}

TEST_P(Delaying, RoutesByTheBindingsOfThatTime) {
  Client& client = on_a_channel();
  client.receives(bound("topic"), queue_declare("r"), publish("x", "k", "m", delay(100)),
                  queue_unbind("q", "x", "k"), queue_bind("r", "x", "#"))
      .replies(bound_ok(), queue_declare_ok("r", 0, 0), queue_unbind_ok(), queue_bind_ok());
  client.turn_ends();
  world().advance(100ms);
  client.receives(get("q", no_ack), get("r", no_ack))
      .replies(get_empty(), got(1, 0, "m", delay(-100)));
}

TEST_P(Delaying, LetsAMessageLiveFromThenOn) {
  Client& client = on_a_channel();
  Properties properties = delay(1000);
  properties.expiration = "100";
  client.receives(bound(), publish("x", "k", "m", properties)).replies(bound_ok());
  client.turn_ends();
  world().advance(1050ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 1, 0));
  world().advance(50ms);
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// Goal: whether there will be a queue when its time has come nobody knows: it is not returned.
TEST_P(Delaying, DoesNotReturnWhatItHolds) {
  Client& client = on_a_channel();
  client.receives(bound(), confirm_select(), publish("x", "nowhere", "held", delay(100), mandatory))
      .replies(bound_ok(), confirm_select_ok(), ack(1));
  client.turn_ends();
  client.receives(publish("x", "nowhere", "at once", {}, mandatory))
      .replies(returned("x", "nowhere", "at once"), ack(2));
  client.turn_ends();
  client.receives(publish("x", "k", "routed", {}, mandatory)).replies(ack(3));
}

TEST_P(Delaying, ReturnsWithoutConfirmsToo) {
  Client& client = on_a_channel();
  client.receives(bound(), publish("x", "nowhere", "m", {}, mandatory))
      .replies(bound_ok(), returned("x", "nowhere", "m"));
  client.receives(tx_select(), publish("x", "nowhere", "m", {}, mandatory), tx_commit())
      .replies(tx_select_ok(), returned("x", "nowhere", "m"), tx_commit_ok());
}

// Goal: of several such exchanges one is enough.
TEST_P(Delaying, ReturnsWhatNoneOfSeveralCanPlace) {
  Client& client = on_a_channel();
  client.receives(bound(), exchange_declare("y", "x-recent-history"),
                  exchange_declare("z", "x-recent-history"), exchange_declare("all", "fanout"),
                  exchange_bind("y", "all"), exchange_bind("z", "all"), exchange_bind("x", "all"))
      .replies(bound_ok(), exchange_declare_ok(), exchange_declare_ok(), exchange_declare_ok(),
               exchange_bind_ok(), exchange_bind_ok(), exchange_bind_ok());
  client.receives(confirm_select(), publish("all", "nowhere", "m", {}, mandatory))
      .replies(confirm_select_ok(), returned("all", "nowhere", "m"), ack(1));
  client.turn_ends();
  client.receives(publish("all", "k", "m", {}, mandatory)).replies(ack(2));
  client.turn_ends();
  client.receives(publish("all", "nowhere", "m", delay(1), mandatory)).replies(ack(3));
}

// Goal: a message comes to each exchange once, however many ways lead there; as many as there are
// would take all memory.
TEST_P(Delaying, SendsAMessageToEachExchangeOnce) {
  Client& client = on_a_channel();
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "x"};
  for (const std::string& name : names) {
    client.receives(exchange_declare(name, "x-delayed-message", no_flags, delayed_type("direct")))
        .replies(exchange_declare_ok());
  }
  for (const std::string& source : names) {
    for (const std::string& destination : names) {
      client.receives(exchange_bind(destination, source, "k")).replies(exchange_bind_ok());
    }
  }
  client.receives(queue_declare("q"), queue_bind("q", "x", "k"), publish("a", "k", "now"))
      .replies(queue_declare_ok("q", 0, 0), queue_bind_ok());
  client.turn_ends();
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "k", "now", no_flags, {}, "a"));
  client.receives(publish("a", "k", "later", delay(100)));
  client.turn_ends();
  world().advance(1s);
  client.receives(get("q", no_ack))
      .replies(get_ok(2, 0, "k", "later", no_flags, delay(-100), "a"));
}

TEST_P(Delaying, ForgetsWithItsExchange) {
  Client& client = on_a_channel();
  client.receives(bound(), publish("x", "k", "m", delay(100)), exchange_delete("x"), bound())
      .replies(bound_ok(), exchange_delete_ok(), exchange_declare_ok(), queue_declare_ok("q", 0, 0),
               queue_bind_ok());
  client.turn_ends();
  world().advance(1s);
  client.receives(get("q", no_ack)).replies(get_empty());
}

// Goal: what waits is not delayed again behind another such exchange.
TEST_P(Delaying, DelaysAMessageOnce) {
  Client& client = on_a_channel();
  client.receives(bound(), exchange_declare("y", "x-delayed-message", no_flags,
                                            delayed_type("fanout")),
                  exchange_bind("x", "y"), exchange_bind("y", "x", "k"),
                  publish("y", "k", "m", delay(100)))
      .replies(bound_ok(), exchange_declare_ok(), exchange_bind_ok(), exchange_bind_ok());
  client.turn_ends();
  world().advance(100ms);
  client.receives(get("q", no_ack), get("q", no_ack))
      .replies(get_ok(1, 0, "k", "m", no_flags, delay(-100), "y"), get_empty());
}

TEST_P(Delaying, IsConfirmedWhenTheLogHasIt) {
  Client& client = on_a_channel();
  Properties properties = delay(1000);
  properties.delivery_mode = 2;
  client.receives(exchange_declare("x", "x-delayed-message", durable, delayed_type("fanout")),
                  confirm_select())
      .replies(exchange_declare_ok(), confirm_select_ok());
  client.turn_ends();
  world().set_disk_slow(true);
  client.receives(publish("x", "k", "m", properties)).replies_nothing();
  client.turn_ends();
  world().set_disk_slow(false);
  client.replies(ack(1));
}

TEST_P(DeclaringDelayed, NeedsATypeThatExists) {
  const auto refuses = [&](const FieldTable& arguments, const char* text) {
    on_a_channel()
        .receives(exchange_declare("x", "x-delayed-message", no_flags, arguments))
        .replies(channel_close(406, std::string("PRECONDITION_FAILED - ") + text,
                               amqp::exchange::Declare::id));
  };
  constexpr auto missing = "Invalid argument, 'x-delayed-type' must be an existing exchange type";
  refuses({}, missing);
  refuses(table({{"x-delayed-type", FieldValue::int32(1)}}), missing);
  refuses(delayed_type("x-delayed-message"),
          "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
  refuses(delayed_type("nonsense"), "unknown exchange type 'nonsense'");
  refuses(delayed_type(""), "invalid exchange type ''");
}

// Goal: what the type behind it asks of arguments and bindings holds here, too.
TEST_P(DeclaringDelayed, ChecksWhatTheOtherTypeChecks) {
  on_a_channel()
      .receives(exchange_declare("x", "x-delayed-message", no_flags,
                                 table({{"x-delayed-type",
                                         FieldValue::long_string("x-recent-history")},
                                        {"x-recent-history-length", FieldValue::int32(0)}})))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - Invalid argument 0, 'x-recent-history-length' "
                             "must be a positive integer",
                             amqp::exchange::Declare::id));
  Client& client = on_a_channel();
  client.receives(exchange_declare("x", "x-delayed-message", no_flags,
                                   delayed_type("x-consistent-hash")),
                  queue_declare("q"), queue_bind("q", "x", "1"))
      .replies(exchange_declare_ok(), queue_declare_ok("q", 0, 0), queue_bind_ok());
  client.receives(queue_bind("q", "x", "k"))
      .replies(channel_close(
          406, "PRECONDITION_FAILED - The binding key must be an integer: <<\"k\">>",
          amqp::queue::Bind::id));
}

}  // namespace
}  // namespace leveret::broker
