/// The life of an open connection: heartbeats, errors, the ways it ends, alarms.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

LEVERET_SCRIPTS(Heartbeat);
LEVERET_SCRIPTS(ConnectionEnd);
LEVERET_SCRIPTS(ConnectionError);
LEVERET_SCRIPTS(Alarm);

// ---- heartbeats ----------------------------------------------------------------------------

class Beating : public Script {
 protected:
  Client& beating(std::uint16_t interval_s) {
    Client& client = greeted();
    client.receives(tune_ok(2047, 131072, interval_s), connection_open("/"))
        .replies(connection_open_ok());
    return client;
  }
};
INSTANTIATE_TEST_SUITE_P(Played, Beating, every_form(), form_name);

// Goal: what py-amqp and others take for granted: a heartbeat after half of a silent interval.
TEST_P(Beating, SendsAHeartbeatAfterHalfAnInterval) {
  Client& client = beating(10);
  world().advance(4999ms);
  client.replies_nothing();
  world().advance(1ms);
  client.replies(heartbeat()).replies_nothing();
  client.receives(heartbeat());
  world().advance(5s);
  client.replies(heartbeat()).replies_nothing();
}

TEST_P(Beating, NeverDropsAClientBeforeTwoIntervals) {
  Client& client = beating(10);
  for (int round = 0; round < 5; ++round) {
    world().advance(19999ms);
    client.take_all();
    client.is_not_closed();
    client.receives(heartbeat());
  }
}

TEST_P(Beating, DropsASilentClientWithinThreeIntervals) {
  Client& client = beating(10);
  world().advance(20000ms);
  client.is_not_closed();
  world().advance(10000ms);
  client.is_closed();
  EXPECT_TRUE(client.has_logged("missed heartbeats from the client"));
  client.take_all();
  EXPECT_EQ(world().connection_count(), 0U);
}

// Goal: what waits in the socket is read before anybody is called dead.
TEST_P(Beating, DropsNobodyBecauseTheShardSlept) {
  Client& client = beating(10);
  client.turn_ends();
  ShardState& shard = world().shard(static_cast<std::size_t>(client.shard()));
  shard.begin_turn(world().now() + 60s);
  shard.advance_timers();
  client.receives(heartbeat());
  client.take_all();
  client.is_not_closed();
}

// Goal: who was not read because he did not read what he asked for has two intervals from then on.
TEST_P(Beating, DropsNobodyWhoHasNotBeenRead) {
  world().settings().write_high_watermark_bytes = 1000;
  Client& client = beating(10);
  client.receives(channel_open(), queue_declare("q"), publish("", "q", std::string(900, 'm')))
      .replies(channel_open_ok(), queue_declare_ok("q", 0, 0));
  client.turn_ends();
  client.stops_reading();
  for (int i = 0; i < 5; ++i) client.receives(get("q"), nack(0, multiple | requeue));
  client.turn_ends();
  ASSERT_FALSE(client.is_heard());
  world().advance(60s);
  client.reads_again();
  world().advance(19s);
  client.take_all();
  client.is_not_closed();
}

// Goal: any traffic counts, in both directions.
TEST_P(Beating, TakesAnyTrafficForALifeSign) {
  Client& client = beating(10);
  client.receives(channel_open()).replies(channel_open_ok());
  for (int round = 0; round < 20; ++round) {
    world().advance(4900ms);
    client.receives(qos(1)).replies(qos_ok());
  }
  client.replies_nothing();
}

TEST_P(Heartbeat, MayBeOff) {
  Client& client = connected();
  world().advance(24h);
  client.replies_nothing().is_not_closed();
}

TEST_P(Heartbeat, IsRefusedOnAChannel) {
  Client& client = on_a_channel();
  client.receives(on_channel(1, heartbeat()))
      .replies(connection_close(505, "UNEXPECTED_FRAME - type 8, all octets = <<>>"));
  client.receives(connection_close_ok()).is_closed();
}

// Goal: a publisher that is not read because of an alarm cannot be heard, so it is not dropped.
TEST_P(Beating, DoesNotCountWhileThePublisherIsNotRead) {
  Client& client = beating(10);
  client.receives(channel_open(), queue_declare("q"))
      .replies(channel_open_ok(), queue_declare_ok("q", 0, 0));
  client.turn_ends();
  world().set_alarm({true, false});
  client.receives(publish("", "q", "m"));
  EXPECT_FALSE(client.is_heard());
  world().advance(60s);
  client.is_not_closed();
  world().set_alarm({});
  world().advance(19s);
  client.is_not_closed();
  client.take_all();
}

// ---- the client's close --------------------------------------------------------------------

TEST_P(ConnectionEnd, AnswersTheClientsClose) {
  Client& client = on_a_channel();
  client.receives(connection_close(200, "done")).replies(connection_close_ok()).is_not_closed();
  EXPECT_EQ(world().connection_count(), 0U);
  client.hangs_up();
  EXPECT_FALSE(client.has_logged("lost without connection.close"));
}

// Goal: amqp091-go closes from several threads, and each waits for its answer.
TEST_P(ConnectionEnd, AnswersEveryCloseUntilTheClientHangsUp) {
  Client& client = on_a_channel();
  client.receives(queue_declare("mine", exclusive)).replies(queue_declare_ok("mine", 0, 0));
  client.receives(connection_close(200, "one"), connection_close(200, "two"))
      .replies(connection_close_ok(), connection_close_ok());
  client.receives(connection_close(200, "three"))
      .replies(connection_close_ok())
      .is_not_closed();
}

TEST_P(ConnectionEnd, DoesNotWaitForeverForTheClientToHangUp) {
  Client& client = on_a_channel();
  client.receives(connection_close(200, "done")).replies(connection_close_ok());
  world().advance(29999ms);
  client.is_not_closed();
  world().advance(1ms);
  client.is_closed();
}

TEST_P(ConnectionEnd, DoesNotWaitForLeaversWhenTheBrokerStops) {
  Client& client = on_a_channel();
  client.receives(connection_close(200, "done")).replies(connection_close_ok());
  client.turn_ends();
  world().shut_down();
  client.replies_nothing().is_closed();
}

TEST_P(ConnectionEnd, IgnoresWhatFollowsTheClientsClose) {
  Client& client = on_a_channel();
  client.receives(connection_close(200, "done"), queue_declare("late"))
      .replies(connection_close_ok())
      .is_not_closed();
  client.turn_ends();
  client.receives(connection_close_ok(), heartbeat(), raw_frame(3, 1, "body")).replies_nothing();
  Client& other = on_a_channel();
  other.receives(queue_declare("late", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'late' in vhost '/'", {50, 10}));
}

TEST_P(ConnectionEnd, DeletesExclusiveQueuesBeforeCloseOk) {
  Client& owner = on_a_channel();
  owner.receives(queue_declare("mine", exclusive)).replies(queue_declare_ok("mine", 0, 0));
  Client& other = on_a_channel();
  owner.receives(connection_close(200, "done")).replies(connection_close_ok());
  other.receives(queue_declare("mine")).replies(queue_declare_ok("mine", 0, 0));
}

TEST_P(ConnectionEnd, DeletesExclusiveQueuesOfWhoVanishes) {
  Client& owner = on_a_channel();
  owner.receives(queue_declare("mine", exclusive)).replies(queue_declare_ok("mine", 0, 0));
  Client& other = on_a_channel();
  owner.hangs_up();
  EXPECT_TRUE(owner.has_logged("lost without connection.close"));
  other.receives(queue_declare("mine", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'mine' in vhost '/'", {50, 10}));
}

TEST_P(ConnectionEnd, DeletesAutoDeleteQueuesWithTheirLastConsumer) {
  Client& first = on_a_channel();
  first.receives(queue_declare("q", auto_delete), consume("q", "one"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("one"));
  Client& second = on_a_channel();
  second.receives(consume("q", "two")).replies(consume_ok("two"));
  first.receives(connection_close(200, "done")).replies(connection_close_ok());
  second.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 1));
  second.turn_ends();
  second.hangs_up();
  Client& third = on_a_channel();
  third.receives(queue_declare("q", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'q' in vhost '/'", {50, 10}));
}

TEST_P(ConnectionEnd, PutsUnsettledMessagesBack) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "one"), publish("", "q", "two"))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(consume("q", "c"))
      .replies(consume_ok("c"), deliver("c", 1, "q", "one"), deliver("c", 2, "q", "two"));
  client.turn_ends();
  client.receives(ack(1));
  client.turn_ends();
  client.hangs_up();
  Client& other = on_a_channel();
  other.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "two", redelivered));
}

// ---- our close -----------------------------------------------------------------------------

// Goal: after our close only close and close-ok are heeded.
TEST_P(ConnectionEnd, IgnoresEverythingAfterItsOwnClose) {
  Client& client = on_a_channel();
  client.receives(publish("", "q", "m", {}, immediate))
      .replies(connection_close(540, "NOT_IMPLEMENTED - immediate=true", {60, 40}));
  client.turn_ends();
  client.receives(queue_declare("late"), on_channel(2, channel_open()), heartbeat(),
                  raw_frame(3, 1, "body"))
      .replies_nothing()
      .is_not_closed();
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(ConnectionEnd, AnswersACloseThatCrossesItsOwn) {
  Client& client = on_a_channel();
  client.receives(publish("", "q", "m", {}, immediate))
      .replies(connection_close(540, "NOT_IMPLEMENTED - immediate=true", {60, 40}));
  client.turn_ends();
  client.receives(connection_close(200, "bye")).replies(connection_close_ok()).is_not_closed();
  client.receives(connection_close_ok()).replies_nothing().is_closed();
}

TEST_P(ConnectionEnd, DoesNotWaitForeverForCloseOk) {
  Client& client = on_a_channel();
  client.receives(publish("", "q", "m", {}, immediate))
      .replies(connection_close(540, "NOT_IMPLEMENTED - immediate=true", {60, 40}));
  world().advance(29999ms);
  client.is_not_closed();
  world().advance(1ms);
  client.is_closed();
}

// Goal: oslo.messaging reconnects at once on 320: everybody is told before the sockets close.
TEST_P(ConnectionEnd, TellsEverybodyThatTheBrokerStops) {
  Client& idle = connected();
  Client& busy = on_a_channel();
  busy.receives(queue_declare("q"), consume("q", "c"))
      .replies(queue_declare_ok("q", 0, 0), consume_ok("c"));
  Client& greeting = world().add_client();
  world().shut_down();
  const Frames farewell = connection_close(
      320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
  idle.replies(farewell).is_not_closed();
  busy.replies(farewell).is_not_closed();
  greeting.replies_nothing().is_closed();
  idle.receives(connection_close_ok()).is_closed();
  busy.receives(connection_close_ok()).is_closed();
}

// Goal: whatever a client is doing, it is told, and nothing of it is left; nobody else notices.
TEST_P(ConnectionEnd, ComesWithTheEndOfTheVhost) {
  world().change(AddVhost{"v"});
  world().change(SetPermissions{{"guest", "v", ".*", ".*", ".*"}});
  const auto connected_to_v = [&]() -> Client& {
    Client& client = greeted();
    client.receives(tune_ok(2047, 131072, 0), connection_open("v"), channel_open())
        .replies(connection_open_ok(), channel_open_ok());
    return client;
  };
  Client& consumer = connected_to_v();
  Client& publisher = connected_to_v();
  Client& outside = on_a_channel();
  consumer
      .receives(queue_declare("q", durable), queue_declare("mine", exclusive),
                queue_declare("gone", auto_delete), consume("q", "c"), consume("gone", "g"))
      .replies(queue_declare_ok("q", 0, 0), queue_declare_ok("mine", 0, 0),
               queue_declare_ok("gone", 0, 0), consume_ok("c"), consume_ok("g"));
  consumer.turn_ends();
  publisher.receives(publish("", "q", "m"), tx_select(), publish("", "q", "held"))
      .replies(tx_select_ok());
  consumer.replies(deliver("c", 1, "q", "m"));
  outside.receives(queue_declare("q", durable)).replies(queue_declare_ok("q", 0, 0));

  world().change(DeleteVhost{"v"});
  const Frames farewell = connection_close(320, "CONNECTION_FORCED - vhost 'v' is deleted");
  consumer.replies(farewell).is_not_closed();
  publisher.replies(farewell).is_not_closed();
  consumer.receives(ack(1), queue_declare("late"), connection_close_ok()).is_closed();
  publisher.receives(tx_commit(), connection_close_ok()).is_closed();
  outside.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 0, 0));
  EXPECT_EQ(world().connection_count(), 1U);
  Client& late = greeted();
  late.receives(tune_ok(2047, 131072, 0), connection_open("v"))
      .replies(connection_close(530, "NOT_ALLOWED - vhost v not found", {10, 40}));
}

TEST_P(ConnectionEnd, RenewsASecretThatDoesNotExpire) {
  Client& client = connected();
  client.receives(frame_of(amqp::connection::UpdateSecret{"new", "renewed"}, 0))
      .replies(frame_of(amqp::connection::UpdateSecretOk{}, 0));
}

// ---- frames that make no sense ---------------------------------------------------------------

TEST_P(ConnectionError, RefusesAnUnknownFrameType) {
  Client& client = on_a_channel();
  client.receives(raw_frame(9, 1, "abc"))
      .replies(connection_close(
          501, "FRAME_ERROR - type 9, all octets = <<\"abc\">>: unknown_frame"));
  world().advance(3s);
  client.is_closed();
}

TEST_P(ConnectionError, RefusesAWrongFrameEnd) {
  Client& client = on_a_channel();
  Frames broken = queue_declare("q");
  broken.bytes.back() = 'x';
  client.receives(broken);
  const std::string text = client.takes<amqp::connection::Close>([](const auto& method) {
    return std::to_string(method.reply_code) + " " + std::string(method.reply_text);
  });
  EXPECT_EQ(text.substr(0, 23), "501 FRAME_ERROR - type ");
  EXPECT_NE(text.find("{invalid_frame_end_marker,"), std::string::npos) << text;
  world().advance(3s);
  client.is_closed();
}

TEST_P(ConnectionError, RefusesAFrameThatIsTooLarge) {
  Client& client = greeted();
  client.receives(tune_ok(2047, 4096, 0), connection_open("/"), channel_open())
      .replies(connection_open_ok(), channel_open_ok());
  client.receives(frame_of(amqp::basic::Publish{0, "", "q", false, false}),
                  content_header({}, 5000), raw_frame(3, 1, std::string(4097, 'x')));
  const auto code = client.takes<amqp::connection::Close>(
      [](const auto& method) { return method.reply_code; });
  EXPECT_EQ(code, 501);
  world().advance(3s);
  client.is_closed();
}

TEST_P(ConnectionError, RefusesAnUnknownMethod) {
  Client& client = on_a_channel();
  client.receives(raw_frame(1, 1, std::string("\0\x3c\0\xff", 4)));
  const auto code = client.takes<amqp::connection::Close>(
      [](const auto& method) { return method.reply_code; });
  EXPECT_EQ(code, 503);
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(ConnectionError, RefusesAChannelsMethodOnChannelZero) {
  Client& client = connected();
  client.receives(on_channel(0, queue_declare("q")));
  const auto code = client.takes<amqp::connection::Close>(
      [](const auto& method) { return method.reply_code; });
  EXPECT_GE(code, 503);
  EXPECT_LE(code, 504);
  client.receives(connection_close_ok()).is_closed();
}

// ---- alarms --------------------------------------------------------------------------------

TEST_P(Alarm, BlocksPublishersAndTellsThoseWhoUnderstand) {
  Client& aware = on_a_channel(capable_of("connection.blocked"));
  Client& unaware = on_a_channel();
  aware.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  aware.turn_ends();
  world().set_alarm({true, false});
  aware.replies_nothing();  // Only who publishes is told.

  aware.receives(publish("", "q", "one")).replies(connection_blocked("low on memory"));
  unaware.receives(publish("", "q", "two")).replies_nothing();
  aware.receives(queue_declare("q", passive)).replies_nothing();  // Not read any more.
  EXPECT_FALSE(aware.is_heard());
  EXPECT_FALSE(unaware.is_heard());

  world().set_alarm({});
  aware.replies(connection_unblocked(), queue_declare_ok("q", 2, 0));
  unaware.replies_nothing();
  EXPECT_TRUE(unaware.is_heard());
}

// Goal: consumers, acks and replies are what ends an alarm, so they go on.
TEST_P(Alarm, LetsConsumersAndRepliesGoOn) {
  Client& consumer = on_a_channel();
  consumer.receives(queue_declare("q"), publish("", "q", "old"))
      .replies(queue_declare_ok("q", 0, 0));
  consumer.turn_ends();
  Client& requester = on_a_channel();
  requester.receives(consume("amq.rabbitmq.reply-to", "r", no_ack), queue_declare("requests"))
      .replies(consume_ok("r"), queue_declare_ok("requests", 0, 0));
  requester.receives(publish("", "requests", "ask", {.reply_to = "amq.rabbitmq.reply-to"}));
  requester.turn_ends();
  world().set_alarm({true, false});

  consumer.receives(consume("q", "c")).replies(consume_ok("c"), deliver("c", 1, "q", "old"));
  consumer.turn_ends();
  consumer.receives(ack(1));
  consumer.receives(get("requests", no_ack));
  consumer.take_frame();  // get-ok.
  const std::string header = consumer.take_frame();
  consumer.take_frame();  // The body.
  const std::size_t begin = header.find("amq.rabbitmq.reply-to.");
  ASSERT_NE(begin, std::string::npos);
  const std::string address = header.substr(begin, header.size() - 1 - begin);
  consumer.receives(publish("", address, "answer"));
  requester.replies(deliver("r", 1, address, "answer"));
  EXPECT_TRUE(consumer.is_heard());
  EXPECT_TRUE(requester.is_heard());
  world().set_alarm({});
}

TEST_P(Alarm, IsForgottenByThoseWhoLeaveWhileItLasts) {
  Client& client = on_a_channel(capable_of("connection.blocked"));
  world().set_alarm({true, false});
  client.receives(publish("", "q", "one")).replies(connection_blocked("low on memory"));
  client.turn_ends();
  client.hangs_up();
  world().set_alarm({});
  client.replies_nothing();
}

}  // namespace
}  // namespace leveret::broker
