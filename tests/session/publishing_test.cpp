/// basic.publish: where messages go, what comes back.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

LEVERET_SCRIPTS(Publishing);
LEVERET_SCRIPTS(Returning);
LEVERET_SCRIPTS(Routing);

// ---- bodies and properties -----------------------------------------------------------------

TEST_P(Publishing, ReachesTheQueueOfTheKeysName) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", durable)).replies(queue_declare_ok("q", 0, 0));
  client.receives(publish("", "q", "hello"));
  client.receives(get("q")).replies(get_ok(1, 0, "q", "hello"));
}

TEST_P(Publishing, KeepsPropertiesAsTheyCame) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  const Properties properties{
      .headers = table({{"a", FieldValue::int32(1)}, {"b", FieldValue::long_string("CC")}}),
      .delivery_mode = 2,
      .correlation_id = "c-1",
      .reply_to = "answers",
      .user_id = "guest"};
  client.receives(publish("", "q", "hello", properties));
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "hello", no_flags, properties));
}

TEST_P(Publishing, CarriesEmptyBodies) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "")).replies(queue_declare_ok("q", 0, 0));
  client.receives(get("q")).replies(get_ok(1, 0, "q", ""));
}

// Goal: a body is the same however it was cut, on both sides of the sizes that are handled apart:
// sent by reference, in a block of its own, in several frames.
TEST_P(Publishing, CarriesBodiesOfAllSizes) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  std::vector<std::size_t> sizes{1, 4095, 4096, 65536, 65537};
  // A turn for each byte of the largest would take long.
  if (GetParam().split != Split::bytes) sizes.insert(sizes.end(), {131064, 131065, 400000});
  for (const std::size_t size : sizes) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 23);
    client.receives(publish("", "q", body));
    client.turn_ends();
    Client& reader = on_a_channel();
    reader.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", body));
  }
}

TEST_P(Publishing, CutsBodiesByTheReadersFrameMax) {
  Client& writer = on_a_channel();
  writer.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  const std::string body(10000, 'b');
  writer.receives(publish("", "q", body));
  Client& reader = greeted();
  reader.receives(tune_ok(2047, 4096, 0), connection_open("/"), channel_open())
      .replies(connection_open_ok(), channel_open_ok());
  reader.receives(get("q", no_ack))
      .replies(frame_of(amqp::basic::GetOk{1, false, "", "q", 0}), content_header({}, 10000),
               raw_frame(3, 1, std::string(4088, 'b')), raw_frame(3, 1, std::string(4088, 'b')),
               raw_frame(3, 1, std::string(1824, 'b')));
}

TEST_P(Publishing, KeepsTheOrderOfOneChannel) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  for (int i = 0; i < 20; ++i) client.receives(publish("", "q", "m" + std::to_string(i)));
  client.turn_ends();
  Client& reader = on_a_channel();
  for (int i = 0; i < 20; ++i) {
    reader.receives(get("q", no_ack))
        .replies(get_ok(static_cast<std::uint64_t>(i) + 1, static_cast<std::uint32_t>(19 - i), "q",
                        "m" + std::to_string(i)));
  }
}

// Goal: two channels of one connection may each be in the middle of a message.
TEST_P(Publishing, InterleavesContentsOfChannels) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), on_channel(2, channel_open()))
      .replies(queue_declare_ok("q", 0, 0), on_channel(2, channel_open_ok()));
  const auto method = frame_of(amqp::basic::Publish{0, "", "q", false, false});
  client.receives(method, on_channel(2, method), content_header({}, 4),
                  on_channel(2, content_header({}, 2)), content_body("aa"),
                  on_channel(2, content_body("bb")), content_body("AA"));
  client.receives(get("q", no_ack), get("q", no_ack))
      .replies(get_ok(1, 1, "q", "bb"), get_ok(2, 0, "q", "aaAA"));
}

// Goal: a message that is not complete is nobody's.
TEST_P(Publishing, ForgetsAMessageCutShort) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), frame_of(amqp::basic::Publish{0, "", "q", false, false}),
                  content_header({}, 10), content_body("half"))
      .replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  client.hangs_up();
  Client& other = on_a_channel();
  other.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// ---- mandatory -----------------------------------------------------------------------------

TEST_P(Returning, HandsBackWhatHasNoQueue) {
  Client& client = on_a_channel();
  const Properties properties{.correlation_id = "c"};
  client.receives(publish("", "nowhere", "m", properties, mandatory))
      .replies(returned("", "nowhere", "m", properties));
  client.receives(publish("amq.direct", "nowhere", "m", {}, mandatory))
      .replies(returned("amq.direct", "nowhere", "m"));
  client.receives(publish("", "nowhere", "m")).replies_nothing();
}

TEST_P(Returning, KeepsWhatHasAQueue) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "m", {}, mandatory))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "m"));
}

// Goal: oslo.messaging takes a return after the confirm for the next message's.
TEST_P(Returning, HandsBackBeforeItConfirmsInOneWrite) {
  Client& client = on_a_channel();
  client.receives(confirm_select()).replies(confirm_select_ok());
  client.receives_in_one_turn(publish("", "nowhere", "m", {}, mandatory))
      .replies(returned("", "nowhere", "m"), ack(1))
      .replies_nothing();
}

// ---- exchanges -----------------------------------------------------------------------------

class Route : public Script {
 protected:
  /// A client with queues "a" and "b".
  Client& with_two_queues() {
    Client& client = on_a_channel();
    client.receives(queue_declare("a"), queue_declare("b"))
        .replies(queue_declare_ok("a", 0, 0), queue_declare_ok("b", 0, 0));
    return client;
  }
  /// Says which of the two queues got exactly one message, and empties them.
  static std::string reached(Client& client) {
    std::string names;
    for (const std::string name : {"a", "b"}) {
      const auto count = client.receives(queue_purge(name)).takes<amqp::queue::PurgeOk>(
          [](const auto& method) { return method.message_count; });
      if (count == 1) names += name;
      if (count > 1) names += name + "(" + std::to_string(count) + ")";
    }
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(Played, Route, every_form(), form_name);

TEST_P(Route, DirectGoesByTheWholeKey) {
  Client& client = with_two_queues();
  client.receives(queue_bind("a", "amq.direct", "x"), queue_bind("b", "amq.direct", "y"))
      .replies(queue_bind_ok(), queue_bind_ok());
  client.receives(publish("amq.direct", "x", "m"));
  EXPECT_EQ(reached(client), "a");
  client.receives(queue_bind("b", "amq.direct", "x")).replies(queue_bind_ok());
  client.receives(publish("amq.direct", "x", "m"));
  EXPECT_EQ(reached(client), "ab");
  client.receives(queue_unbind("a", "amq.direct", "x")).replies(queue_unbind_ok());
  client.receives(publish("amq.direct", "x", "m"));
  EXPECT_EQ(reached(client), "b");
}

TEST_P(Route, FanoutGoesToAllOnce) {
  Client& client = with_two_queues();
  client.receives(queue_bind("a", "amq.fanout", "x"), queue_bind("a", "amq.fanout", "y"),
                  queue_bind("b", "amq.fanout"))
      .replies(queue_bind_ok(), queue_bind_ok(), queue_bind_ok());
  client.receives(publish("amq.fanout", "z", "m"));
  EXPECT_EQ(reached(client), "ab");
}

TEST_P(Route, TopicGoesByPattern) {
  Client& client = with_two_queues();
  client.receives(queue_bind("a", "amq.topic", "*.b.#"), queue_bind("b", "amq.topic", "#.c"))
      .replies(queue_bind_ok(), queue_bind_ok());
  client.receives(publish("amq.topic", "a.b", "m"));
  EXPECT_EQ(reached(client), "a");
  client.receives(publish("amq.topic", "a.b.c", "m"));
  EXPECT_EQ(reached(client), "ab");
  client.receives(publish("amq.topic", "b", "m"));
  EXPECT_EQ(reached(client), "");
}

TEST_P(Route, HeadersGoByWhatTheMessageCarries) {
  Client& client = with_two_queues();
  const FieldValue one = FieldValue::int32(1);
  const FieldValue two = FieldValue::int32(2);
  const auto matching = [&](const char* how_many) {
    return table({{"x-match", FieldValue::long_string(how_many)}, {"h", one}, {"i", two}});
  };
  client
      .receives(queue_bind("a", "amq.headers", "", matching("all")),
                queue_bind("b", "amq.headers", "", matching("any")))
      .replies(queue_bind_ok(), queue_bind_ok());
  client.receives(publish("amq.headers", "", "m", {.headers = table({{"h", one}})}));
  EXPECT_EQ(reached(client), "b");
  // The same key again, other headers: nothing of the first route may be remembered.
  client.receives(publish("amq.headers", "", "m", {.headers = table({{"h", one}, {"i", two}})}));
  EXPECT_EQ(reached(client), "ab");
  client.receives(publish("amq.headers", "", "m"));
  EXPECT_EQ(reached(client), "");
  client.receives(queue_bind("a", "amq.headers", "",
                             table({{"x-match", FieldValue::long_string("some")}})));
  const auto text = client.takes<amqp::channel::Close>([](const auto& method) {
    return std::string(method.reply_text);
  });
  EXPECT_TRUE(text.starts_with("PRECONDITION_FAILED - Invalid x-match field value")) << text;
}

TEST_P(Route, FollowsBindingsBetweenExchangesOnceEvenInACircle) {
  Client& client = with_two_queues();
  client.receives(exchange_declare("e1", "fanout"), exchange_declare("e2", "fanout"),
                  exchange_bind("e2", "e1"), exchange_bind("e1", "e2"), queue_bind("a", "e1"),
                  queue_bind("b", "e2"), queue_bind("a", "e2"))
      .replies(exchange_declare_ok(), exchange_declare_ok(), exchange_bind_ok(),
               exchange_bind_ok(), queue_bind_ok(), queue_bind_ok(), queue_bind_ok());
  client.receives(publish("e1", "", "m"));
  EXPECT_EQ(reached(client), "ab");
  client.receives(exchange_unbind("e2", "e1")).replies(exchange_unbind_ok());
  client.receives(publish("e1", "", "m"));
  EXPECT_EQ(reached(client), "a");
}

TEST_P(Route, AsksTheAlternateExchangeWhereNothingMatches) {
  Client& client = with_two_queues();
  const FieldTable alternate = table({{"alternate-exchange", FieldValue::long_string("rest")}});
  client.receives(exchange_declare("rest", "fanout"),
                  exchange_declare("e", "direct", no_flags, alternate), queue_bind("a", "e", "x"),
                  queue_bind("b", "rest"))
      .replies(exchange_declare_ok(), exchange_declare_ok(), queue_bind_ok(), queue_bind_ok());
  client.receives(publish("e", "x", "m", {}, mandatory));
  EXPECT_EQ(reached(client), "a");
  client.receives(publish("e", "y", "m", {}, mandatory));
  EXPECT_EQ(reached(client), "b");
  client.receives(exchange_delete("rest")).replies(exchange_delete_ok());
  client.receives(publish("e", "y", "m", {}, mandatory)).replies(returned("e", "y", "m"));
}

// Goal: what a channel remembers of its last route ends with the bindings it was made of.
TEST_P(Route, IsFoundAnewWhenSomebodyElseBinds) {
  Client& client = with_two_queues();
  client.receives(queue_bind("a", "amq.direct", "x")).replies(queue_bind_ok());
  client.receives(publish("amq.direct", "x", "m"));
  EXPECT_EQ(reached(client), "a");
  Client& other = on_a_channel();
  other.receives(queue_bind("b", "amq.direct", "x")).replies(queue_bind_ok());
  other.turn_ends();
  client.receives(publish("amq.direct", "x", "m"));
  EXPECT_EQ(reached(client), "ab");
  other.receives(queue_delete("a")).replies(queue_delete_ok(0));
  other.turn_ends();
  client.receives(publish("amq.direct", "x", "m"));
  client.receives(get("b", no_ack)).replies(get_ok(1, 0, "x", "m", no_flags, {}, "amq.direct"));
}

// Goal: keys of CC and BCC add to the routing key, each queue gets one copy, and nobody sees BCC.
/// How many messages two queues have, which is not for a script to say.
std::pair<std::uint32_t, std::uint32_t> counts_of(Client& client, std::string_view one,
                                                  std::string_view other) {
  client.receives(queue_declare(one, passive), queue_declare(other, passive));
  const auto count = [&client] {
    return client.takes<amqp::queue::DeclareOk>(
        [](const auto& method) { return method.message_count; });
  };
  const std::uint32_t first = count();
  return {first, count()};
}

// Goal: a channel that publishes the same key over and over does not take one choice for all.
TEST_P(Routing, ChoosesAnewWhereKeysDoNotDecide) {
  Client& client = on_a_channel();
  client.receives(exchange_declare("random", "x-random"), queue_declare("a"), queue_declare("b"),
                  queue_bind("a", "random", ""), queue_bind("b", "random", ""))
      .replies(exchange_declare_ok(), queue_declare_ok("a", 0, 0), queue_declare_ok("b", 0, 0),
               queue_bind_ok(), queue_bind_ok());
  for (int i = 0; i < 40; ++i) client.receives(publish("random", "k", "m"));
  const auto [first, second] = counts_of(client, "a", "b");
  EXPECT_EQ(first + second, 40U);
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, 0U);
}

TEST_P(Routing, HashesAHeader) {
  Client& client = on_a_channel();
  client.receives(exchange_declare("hash", "x-consistent-hash", no_flags,
                                   table({{"hash-header", FieldValue::long_string("tenant")}})),
                  queue_declare("a"), queue_declare("b"), queue_bind("a", "hash", "1"),
                  queue_bind("b", "hash", "1"))
      .replies(exchange_declare_ok(), queue_declare_ok("a", 0, 0), queue_declare_ok("b", 0, 0),
               queue_bind_ok(), queue_bind_ok());
  std::uint32_t largest = 0;
  for (int tenant = 0; tenant < 20; ++tenant) {
    const Properties properties{.headers = table({{"tenant", FieldValue::int32(tenant)}})};
    for (int i = 0; i < 3; ++i) client.receives(publish("hash", "k", "m", properties));
    const auto [first, second] = counts_of(client, "a", "b");
    EXPECT_EQ(first + second, 3U * static_cast<std::uint32_t>(tenant + 1));
    EXPECT_EQ(first % 3, 0U);
    largest = std::max(first, second);
  }
  EXPECT_LT(largest, 60U);
}

TEST_P(Routing, TakesKeysFromHeaders) {
  Client& client = on_a_channel();
  client.receives(queue_declare("a"), queue_declare("b"), queue_declare("c"))
      .replies(queue_declare_ok("a", 0, 0), queue_declare_ok("b", 0, 0),
               queue_declare_ok("c", 0, 0));
  const FieldValue cc = FieldValue::array({FieldValue::long_string("b"),
                                           FieldValue::long_string("a")});
  const FieldValue bcc = FieldValue::array({FieldValue::long_string("c")});
  client.receives(publish("", "a", "m", {.headers = table({{"CC", cc}, {"BCC", bcc}})}));
  const Properties seen{.headers = table({{"CC", cc}})};
  for (const char* name : {"a", "b", "c"}) {
    client.receives(queue_declare(name, passive)).replies(queue_declare_ok(name, 1, 0));
  }
  client.receives(get("a", no_ack), get("b", no_ack), get("c", no_ack))
      .replies(get_ok(1, 0, "a", "m", no_flags, seen), get_ok(2, 0, "a", "m", no_flags, seen),
               get_ok(3, 0, "a", "m", no_flags, seen));
}

TEST_P(Routing, RefusesKeysThatAreNoList) {
  Client& client = on_a_channel();
  client.receives(
      publish("", "a", "m", {.headers = table({{"CC", FieldValue::long_string("b")}})}));
  const auto text = client.takes<amqp::channel::Close>([](const auto& method) {
    return std::to_string(method.reply_code) + " " + std::string(method.reply_text);
  });
  EXPECT_TRUE(text.starts_with("406 PRECONDITION_FAILED - invalid message: ")) << text;
}

}  // namespace
}  // namespace leveret::broker
