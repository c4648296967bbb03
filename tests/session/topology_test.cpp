/// Declaring and deleting exchanges, queues and bindings.
#include <limits>

#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

LEVERET_SCRIPTS(Queues);
LEVERET_SCRIPTS(Exchanges);
LEVERET_SCRIPTS(Permitting);
LEVERET_SCRIPTS(DurableThings);

Frames no_queue(const std::string& name, amqp::MethodId method) {
  return channel_close(404, "NOT_FOUND - no queue '" + name + "' in vhost '/'", method);
}

// ---- queues --------------------------------------------------------------------------------

TEST_P(Queues, AreDeclaredOnceAndAgainTheSame) {
  Client& first = on_a_channel();
  first.receives(queue_declare("q", durable), publish("", "q", "m"))
      .replies(queue_declare_ok("q", 0, 0));
  Client& second = on_a_channel();
  second.receives(queue_declare("q", durable)).replies(queue_declare_ok("q", 1, 0));
  second.receives(queue_declare("q"))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in "
                             "vhost '/': received 'false' but current is 'true'", {50, 10}));
}

// Goal: all clients of a cloud declare the same queue at once, on all shards.
TEST_P(Queues, AreDeclaredByManyAtTheSameTime) {
  std::vector<Client*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&on_a_channel());
  world().catch_up();
  for (Client* client : clients) client->receives(queue_declare("q"), publish("", "q", "m"));
  for (Client* client : clients) {
    const auto name = client->takes<amqp::queue::DeclareOk>(
        [](const auto& method) { return std::string(method.queue); });
    EXPECT_EQ(name, "q");
  }
  clients[0]->receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 4, 0));
}

TEST_P(Queues, GetANameOfTheirOwn) {
  Client& client = on_a_channel();
  client.receives(queue_declare("", exclusive));
  const auto name = client.takes<amqp::queue::DeclareOk>(
      [](const auto& method) { return std::string(method.queue); });
  EXPECT_TRUE(name.starts_with("amq.gen-")) << name;
  EXPECT_EQ(name.size(), 30U);
  client.receives(queue_bind("", "amq.direct", "k")).replies(queue_bind_ok());
  client.receives(publish("amq.direct", "k", "m"), get("", no_ack))
      .replies(get_ok(1, 0, "k", "m", no_flags, {}, "amq.direct"));
  // The last declared queue's name stands for the key too when both are left out.
  client.receives(queue_bind("", "amq.direct", "")).replies(queue_bind_ok());
  client.receives(publish("amq.direct", name, "m"), get("", no_ack))
      .replies(get_ok(2, 0, name, "m", no_flags, {}, "amq.direct"));
}

TEST_P(Queues, AreDeletedWithWhatIsInThem) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), publish("", "q", "2"))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(queue_delete("q")).replies(queue_delete_ok(2));
  client.receives(queue_delete("q")).replies(queue_delete_ok(0));  // Already gone is fine.
  client.receives(queue_declare("q", passive)).replies(no_queue("q", {50, 10}));
}

TEST_P(Queues, AreKeptWhenUsedOrNotEmpty) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), queue_delete("q", if_empty))
      .replies(queue_declare_ok("q", 0, 0),
               channel_close(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty",
                             {50, 40}));
  client.receives(channel_close_ok(), channel_open(), consume("q", "c"))
      .replies(channel_open_ok(), consume_ok("c"), deliver("c", 1, "q", "1"));
  client.turn_ends();
  client.receives(queue_delete("q", if_unused))
      .replies(channel_close(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use", {50, 40}));
  client
      .receives(channel_close_ok(), channel_open(), queue_purge("q"),
                queue_delete("q", if_unused | if_empty))
      .replies(channel_open_ok(), queue_purge_ok(1), queue_delete_ok(0));
}

TEST_P(Queues, KeepTheirExclusiveFlag) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_declare("q", exclusive))
      .replies(queue_declare_ok("q", 0, 0));
  const auto answer = client.takes<amqp::channel::Close>([](const auto& method) {
    return std::to_string(method.reply_code) + " " + std::string(method.reply_text);
  });
  EXPECT_TRUE(answer.starts_with(
      "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'."))
      << answer;
}

TEST_P(Queues, CompareArgumentsByValue) {
  Client& client = on_a_channel();
  const auto expires = [](FieldValue value) { return table({{"x-expires", std::move(value)}}); };
  client.receives(queue_declare("q", no_flags, expires(FieldValue::int32(60000))),
                  queue_declare("q", no_flags, expires(FieldValue::int64(60000))))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("q", 0, 0));
  client.receives(queue_declare("q", no_flags, expires(FieldValue::int32(60001))))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in "
                             "vhost '/': received '60001' but current is '60000'", {50, 10}));
  client.receives(channel_close_ok(), channel_open(), queue_declare("q"))
      .replies(channel_open_ok(),
               channel_close(406,
                             "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in "
                             "vhost '/': received none but current is the value '60000' of type "
                             "'signedint'", {50, 10}));
}

TEST_P(Queues, KeepTheNodesLimit) {
  NodeLimits limits;
  limits.queues = 1;
  world().set_limits(limits);
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_declare("q"), queue_declare("r"))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("q", 0, 0),
               channel_close(406,
                             "PRECONDITION_FAILED - cannot declare queue 'r': queue limit in "
                             "cluster (1) is reached", {50, 10}));
  client.receives(channel_close_ok(), channel_open(), queue_delete("q"), queue_declare("r"))
      .replies(channel_open_ok(), queue_delete_ok(0), queue_declare_ok("r", 0, 0));
}

TEST_P(Queues, SurviveADeclarerWhoVanishes) {
  Client& client = on_a_channel();
  client.turn_ends();
  client.receives(queue_declare("q"));
  client.take_all();
  client.hangs_up();
  Client& other = on_a_channel();
  other.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
}

// ---- exchanges -----------------------------------------------------------------------------

TEST_P(Exchanges, AreDeclaredOnceAndAgainTheSame) {
  Client& client = on_a_channel();
  client.receives(exchange_declare("e", "topic", durable), exchange_declare("e", "topic", durable),
                  exchange_declare("e", "direct", passive))
      .replies(exchange_declare_ok(), exchange_declare_ok(), exchange_declare_ok());
  client.receives(exchange_declare("e", "direct", durable))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in "
                             "vhost '/': received 'direct' but current is 'topic'", {40, 10}));
}

TEST_P(Exchanges, AreThereFromTheStart) {
  Client& client = on_a_channel();
  for (const char* name : {"amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic",
                           "amq.rabbitmq.trace"}) {
    client.receives(exchange_declare(name, "direct", passive)).replies(exchange_declare_ok());
  }
}

TEST_P(Exchanges, AreKeptWhenUsed) {
  Client& client = on_a_channel();
  client.receives(exchange_declare("e", "direct"), queue_declare("q"), queue_bind("q", "e"),
                  exchange_delete("e", if_unused))
      .replies(exchange_declare_ok(), queue_declare_ok("q", 0, 0), queue_bind_ok(),
               channel_close(406, "PRECONDITION_FAILED - exchange 'e' in vhost '/' in use",
                             {40, 20}));
  client.receives(channel_close_ok(), channel_open(), exchange_delete("e"), exchange_delete("e"))
      .replies(channel_open_ok(), exchange_delete_ok(), exchange_delete_ok());
}

// Goal: an auto-delete exchange goes with its last binding as a source, however that goes.
TEST_P(Exchanges, GoWithTheirLastBinding) {
  const Frames gone = channel_close(404, "NOT_FOUND - no exchange 'e' in vhost '/'", {40, 10});
  const std::vector<std::pair<Frames, Frames>> cases{
      {queue_unbind("q", "e", "k"), queue_unbind_ok()},
      {queue_delete("q"), queue_delete_ok(0)},
  };
  for (const auto& [frames, answer] : cases) {
    Client& client = on_a_channel();
    client.receives(exchange_declare("e", "direct", auto_delete), queue_declare("q"),
                    queue_bind("q", "e", "k"), exchange_declare("e", "", passive))
        .replies(exchange_declare_ok(), queue_declare_ok("q", 0, 0), queue_bind_ok(),
                 exchange_declare_ok());
    client.receives(frames, exchange_declare("e", "", passive)).replies(answer, gone);
    client.turn_ends();
    client.hangs_up();
  }
}

TEST_P(Exchanges, GoOneAfterTheOther) {
  Client& client = on_a_channel();
  client.receives(exchange_declare("e", "fanout", auto_delete),
                  exchange_declare("f", "fanout", auto_delete), queue_declare("q"),
                  exchange_bind("f", "e"), queue_bind("q", "f"))
      .replies(exchange_declare_ok(), exchange_declare_ok(), queue_declare_ok("q", 0, 0),
               exchange_bind_ok(), queue_bind_ok());
  client.receives(queue_delete("q"), exchange_declare("f", "", passive))
      .replies(queue_delete_ok(0),
               channel_close(404, "NOT_FOUND - no exchange 'f' in vhost '/'", {40, 10}));
  client.receives(channel_close_ok(), channel_open(), exchange_declare("e", "", passive))
      .replies(channel_open_ok(),
               channel_close(404, "NOT_FOUND - no exchange 'e' in vhost '/'", {40, 10}));
}

TEST_P(Exchanges, GoWhenAllTheyLeadToGoes) {
  Client& client = on_a_channel();
  const auto auto_deleted = [](const char* name) {
    return exchange_declare(name, "fanout", auto_delete);
  };
  client.receives(auto_deleted("e"), auto_deleted("f"), auto_deleted("g"), queue_declare("q"),
                  exchange_bind("f", "e"), exchange_bind("g", "e"), queue_bind("q", "f"),
                  queue_bind("q", "g"))
      .replies(exchange_declare_ok(), exchange_declare_ok(), exchange_declare_ok(),
               queue_declare_ok("q", 0, 0), exchange_bind_ok(), exchange_bind_ok(),
               queue_bind_ok(), queue_bind_ok());
  client.receives(queue_delete("q"), exchange_declare("e", "", passive))
      .replies(queue_delete_ok(0),
               channel_close(404, "NOT_FOUND - no exchange 'e' in vhost '/'", {40, 10}));
}

// Goal: however many go one after the other, it takes neither the stack nor long.
TEST(ExchangeChain, GoesFromItsLastToItsFirst) {
  World world({1, Split::chunk});
  Client& client = world.add_client();
  constexpr int length = 50'000;
  std::string bytes = channel_open().bytes + queue_declare("q", nowait).bytes;
  const auto name_of_link = [](int number) { return "e" + std::to_string(number); };
  for (int number = 0; number < length; ++number) {
    const std::string name = name_of_link(number);
    bytes += exchange_declare(name, "fanout", auto_delete | nowait).bytes;
    bytes += number == 0 ? frame_of(amqp::queue::Bind{0, "q", name, "", true, {}}).bytes
                         : frame_of(amqp::exchange::Bind{0, name_of_link(number - 1), name, "",
                                                         true, {}})
                               .bytes;
  }
  client.receives(protocol_header(), start_ok("PLAIN", std::string_view("\0guest\0guest", 12)),
                  tune_ok(2047, 131072, 0), connection_open("/"), raw_bytes(bytes));
  client.take_all();
  client.receives(exchange_declare(name_of_link(length - 1), "", passive))
      .replies(exchange_declare_ok());
  client.receives(queue_delete("q"), exchange_declare(name_of_link(length - 1), "", passive));
  client.replies(queue_delete_ok(0),
                 channel_close(404, "NOT_FOUND - no exchange 'e49999' in vhost '/'", {40, 10}));
  client.turn_ends();
}

TEST_P(Exchanges, BindTwiceAndUnbindOnce) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_bind("q", "amq.direct", "k"),
                  queue_bind("q", "amq.direct", "k"), queue_unbind("q", "amq.direct", "k"),
                  queue_unbind("q", "amq.direct", "k"))
      .replies(queue_declare_ok("q", 0, 0), queue_bind_ok(), queue_bind_ok(), queue_unbind_ok(),
               queue_unbind_ok());
  client.receives(publish("amq.direct", "k", "m", {}, mandatory))
      .replies(returned("amq.direct", "k", "m"));
}

TEST_P(Exchanges, ForgetTheBindingsOfADeletedQueue) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), queue_bind("q", "amq.direct", "k"), queue_delete("q"),
                  queue_declare("q"))
      .replies(queue_declare_ok("q", 0, 0), queue_bind_ok(), queue_delete_ok(0),
               queue_declare_ok("q", 0, 0));
  client.receives(publish("amq.direct", "k", "m", {}, mandatory))
      .replies(returned("amq.direct", "k", "m"));
}

// Goal: an argument that equals nothing, as floating-point numbers have it, does not keep a
// binding alive when its queue has gone.
TEST_P(Exchanges, ForgetBindingsWithArgumentsThatAreNoNumbers) {
  Client& client = on_a_channel();
  FieldTable no_number;
  no_number.set("a", FieldValue::float64(std::numeric_limits<double>::quiet_NaN()));
  for (const std::string exchange : {"amq.direct", "amq.topic", "amq.fanout"}) {
    client.receives(queue_declare("q"), queue_bind("q", exchange, "k", no_number))
        .replies(queue_declare_ok("q", 0, 0), queue_bind_ok());
    client.receives(queue_delete("q")).replies(queue_delete_ok(0));
    client.receives(publish(exchange, "k", "m", {}, mandatory))
        .replies(returned(exchange, "k", "m"));
  }
}

// ---- what waits for the disk ---------------------------------------------------------------

// Goal: an -ok about something durable means that it is on the disk, also for whoever only
// repeats what somebody else has just done.
TEST_P(DurableThings, AreAnsweredWhenTheDiskHasThem) {
  const std::vector<std::pair<Frames, Frames>> steps{
      {exchange_declare("e", "fanout", durable), exchange_declare_ok()},
      {exchange_declare("f", "fanout", durable), exchange_declare_ok()},
      {queue_declare("q", durable), queue_declare_ok("q", 0, 0)},
      {queue_bind("q", "e"), queue_bind_ok()},
      {exchange_bind("f", "e"), exchange_bind_ok()},
      {queue_unbind("q", "e"), queue_unbind_ok()},
      {exchange_unbind("f", "e"), exchange_unbind_ok()},
      {exchange_delete("e"), exchange_delete_ok()},
      {queue_delete("q"), queue_delete_ok(0)},
  };
  Client& first = on_a_channel();
  Client& second = on_a_channel();
  for (const auto& [frames, answer] : steps) {
    world().set_disk_slow(true);
    first.receives(frames).replies_nothing();
    second.receives(frames).replies_nothing();
    world().set_disk_slow(false);
    first.replies(answer);
    second.replies(answer);
  }
}

TEST_P(DurableThings, AreSeenWhenTheDiskHasThem) {
  Client& first = on_a_channel();
  Client& second = on_a_channel();
  first.turn_ends();
  world().set_disk_slow(true);
  first.receives(queue_declare("q", durable)).replies_nothing();
  second.receives(queue_declare("q", passive)).replies_nothing();
  world().set_disk_slow(false);
  first.replies(queue_declare_ok("q", 0, 0));
  second.replies(queue_declare_ok("q", 0, 0));
  world().set_disk_slow(true);
  first.receives(exchange_declare("e", "fanout", durable)).replies_nothing();
  second.receives(exchange_declare("e", "", passive)).replies_nothing();
  world().set_disk_slow(false);
  first.replies(exchange_declare_ok());
  second.replies(exchange_declare_ok());
}

// Goal: who needs no disk does not wait for it, whatever others do.
TEST_P(DurableThings, HoldUpNobodyWhoNeedsNoDisk) {
  Properties persistent;
  persistent.delivery_mode = 2;
  Client& first = on_a_channel();
  Client& second = on_a_channel();
  first.turn_ends();
  world().set_disk_slow(true);
  first.receives(queue_declare("q", durable)).replies_nothing();
  for (int round = 0; round < 2; ++round) {
    second
        .receives(queue_declare("t", auto_delete), exchange_declare("e", "fanout"),
                  queue_bind("t", "e"), queue_bind("t", "amq.fanout"),
                  exchange_bind("e", "amq.topic"))
        .replies(queue_declare_ok("t", 0, 0), exchange_declare_ok(), queue_bind_ok(),
                 queue_bind_ok(), exchange_bind_ok());
    second.turn_ends();
  }
  second.receives(queue_declare("mine", exclusive), publish("", "t", "m", persistent), get("t"))
      .replies(queue_declare_ok("mine", 0, 0), get_ok(1, 0, "t", "m", no_flags, persistent));
  second.receives(queue_unbind("t", "e"), queue_delete("t"), exchange_delete("e"))
      .replies(queue_unbind_ok(), queue_delete_ok(0), exchange_delete_ok());
  second.turn_ends();
  world().set_disk_slow(false);
  first.replies(queue_declare_ok("q", 0, 0));
}

// ---- permissions ---------------------------------------------------------------------------

TEST_P(Permitting, ChecksEveryOperation) {
  auto users = std::make_shared<Users>();
  const auto pattern = [](const char* text) { return *PermissionPattern::compile(text); };
  users->add({"guest", PasswordHash::of("guest", HashAlgorithm::sha256), {}});
  users->set_permissions("guest", "/", {pattern("^c-"), pattern("^w-"), pattern("^r-")});
  world().install(users, {"/"});
  const auto refused = [](const std::string& what, amqp::MethodId method) {
    return channel_close(403, "ACCESS_REFUSED - " + what + " in vhost '/' refused for user 'guest'",
                         method);
  };
  const std::vector<std::pair<Frames, Frames>> cases{
      {queue_declare("x"), refused("configure access to queue 'x'", {50, 10})},
      {queue_delete("x"), refused("configure access to queue 'x'", {50, 40})},
      {exchange_declare("x", "direct"), refused("configure access to exchange 'x'", {40, 10})},
      {exchange_delete("x"), refused("configure access to exchange 'x'", {40, 20})},
      {queue_bind("x", "y", "k"), refused("write access to queue 'x'", {50, 20})},
      {queue_bind("w-x", "y", "k"), refused("read access to exchange 'y'", {50, 20})},
      {publish("amq.direct", "k", "m"), refused("write access to exchange 'amq.direct'", {60, 40})},
      {publish("", "k", "m"), refused("write access to exchange 'amq.default'", {60, 40})},
      {consume("x", "c"), refused("read access to queue 'x'", {60, 20})},
      {get("x"), refused("read access to queue 'x'", {60, 70})},
      {queue_purge("x"), refused("read access to queue 'x'", {50, 30})},
  };
  for (const auto& [frames, answer] : cases) {
    Client& client = on_a_channel();
    client.receives(frames).replies(answer);
    client.turn_ends();
    client.hangs_up();
  }
  Client& client = on_a_channel();
  client.receives(queue_declare("c-q")).replies(queue_declare_ok("c-q", 0, 0));
}

// Goal: a channel that has published there before does not go on when it may no longer.
TEST_P(Permitting, TakesEffectAtOnceWhenChanged) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "m")).replies(queue_declare_ok("q", 0, 0));
  client.turn_ends();
  auto users = std::make_shared<Users>();
  users->add({"guest", PasswordHash::of("guest", HashAlgorithm::sha256), {}});
  users->set_permissions("guest", "/", {});
  world().install(users, {"/"});
  client.receives(publish("", "q", "m"))
      .replies(channel_close(403,
                             "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' "
                             "refused for user 'guest'", {60, 40}));
}

}  // namespace
}  // namespace leveret::broker
