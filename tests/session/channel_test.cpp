/// Channels: how they open and close, and whose fault it is.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

LEVERET_SCRIPTS(ChannelLife);
LEVERET_SCRIPTS(ChannelError);

// ---- open and close ------------------------------------------------------------------------

// Goal: clients take the same number again in the same breath.
TEST_P(ChannelLife, NumbersAreFreeAtOnce) {
  Client& client = connected();
  for (int round = 0; round < 3; ++round) {
    client.receives(channel_open()).replies(channel_open_ok());
    client.receives(channel_close()).replies(channel_close_ok());
  }
  client.receives(channel_open(), queue_declare("q"))
      .replies(channel_open_ok(), queue_declare_ok("q", 0, 0));
}

TEST_P(ChannelLife, NumbersNeedNotBeInOrder) {
  Client& client = connected();
  client.receives(on_channel(2047, channel_open())).replies(on_channel(2047, channel_open_ok()));
  client.receives(on_channel(60000, channel_open())).replies(on_channel(60000, channel_open_ok()));
  client.receives(on_channel(60000, queue_declare("q")))
      .replies(on_channel(60000, queue_declare_ok("q", 0, 0)));
}

TEST_P(ChannelLife, RefusesASecondOpen) {
  Client& client = on_a_channel();
  client.receives(channel_open())
      .replies(connection_close(504, "CHANNEL_ERROR - second 'channel.open' seen", {20, 10}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(ChannelLife, BeginsWithOpen) {
  Client& client = connected();
  client.receives(queue_declare("q"))
      .replies(connection_close(504, "CHANNEL_ERROR - expected 'channel.open'", {50, 10}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(ChannelLife, AnswersFlowAndTickets) {
  Client& client = on_a_channel();
  client.receives(frame_of(amqp::channel::Flow{true}))
      .replies(frame_of(amqp::channel::FlowOk{true}));
  client.receives(frame_of(amqp::access::Request{"/data", false, false, true, true, true}))
      .replies(frame_of(amqp::access::RequestOk{1}));
  client.receives(frame_of(amqp::channel::Flow{false}))
      .replies(connection_close(540, "NOT_IMPLEMENTED - active=false", {20, 20}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(ChannelLife, LeavesOtherChannelsAlone) {
  Client& client = on_a_channel();
  client.receives(on_channel(2, channel_open())).replies(on_channel(2, channel_open_ok()));
  client.receives(queue_declare("missing", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'missing' in vhost '/'", {50, 10}));
  client.receives(on_channel(2, queue_declare("q")))
      .replies(on_channel(2, queue_declare_ok("q", 0, 0)));
}

// ---- our close -----------------------------------------------------------------------------

TEST_P(ChannelError, IgnoresEverythingUntilTheClientsCloseOk) {
  Client& client = on_a_channel();
  client.receives(queue_declare("missing", passive))
      .replies(channel_close(404, "NOT_FOUND - no queue 'missing' in vhost '/'", {50, 10}));
  client.receives(queue_declare("late"), publish("", "late", "m"), ack(7), channel_close_ok())
      .replies_nothing();
  client.receives(channel_open(), queue_declare("late", passive))
      .replies(channel_open_ok(),
               channel_close(404, "NOT_FOUND - no queue 'late' in vhost '/'", {50, 10}));
}

TEST_P(ChannelError, AnswersACloseThatCrossesItsOwn) {
  Client& client = on_a_channel();
  client.receives(queue_declare("missing", passive), channel_close())
      .replies(channel_close(404, "NOT_FOUND - no queue 'missing' in vhost '/'", {50, 10}),
               channel_close_ok());
  client.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
}

// Goal: what was published before the mistake counts, what came after does not.
TEST_P(ChannelError, DropsPublishesAfterTheMistake) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "before"), publish("none", "q", "mistake"),
                  publish("", "q", "after"))
      .replies(queue_declare_ok("q", 0, 0),
               channel_close(404, "NOT_FOUND - no exchange 'none' in vhost '/'", {60, 40}));
  client.receives(channel_close_ok(), channel_open(), get("q", no_ack), get("q", no_ack))
      .replies(channel_open_ok(), get_ok(1, 0, "q", "before"), get_empty());
}

TEST_P(ChannelError, TakesNoFrameOfAContentOutOfTurn) {
  const auto method = frame_of(amqp::basic::Publish{0, "", "q", false, false});
  const std::vector<std::pair<Frames, Frames>> cases{
      {content_header({}, 1),
       connection_close(505, "UNEXPECTED_FRAME - expected method frame, got non method frame "
                             "instead")},
      {content_body("x"),
       connection_close(505, "UNEXPECTED_FRAME - expected method frame, got non method frame "
                             "instead")},
      {method + qos(1),
       connection_close(505, "UNEXPECTED_FRAME - expected content header for class 60, got non "
                             "content header frame instead", {60, 40})},
      {method + content_body("x"),
       connection_close(505, "UNEXPECTED_FRAME - expected content header for class 60, got non "
                             "content header frame instead", {60, 40})},
      {method + content_header({}, 1) + content_header({}, 1),
       connection_close(505, "UNEXPECTED_FRAME - expected content body, got non content body "
                             "frame instead", {60, 40})},
      {method + content_header({}, 1) + qos(1),
       connection_close(505, "UNEXPECTED_FRAME - expected content body, got non content body "
                             "frame instead", {60, 40})},
      {method + content_header({}, 1) + content_body("xy"),
       connection_close(501, "FRAME_ERROR - content body frame exceeds remaining content size",
                        {60, 40})},
  };
  for (const auto& [frames, answer] : cases) {
    Client& client = on_a_channel();
    client.receives(frames).replies(answer);
    client.turn_ends();
    world().advance(30s);
    client.is_closed();
  }
}

// Goal: code, text and the method that failed, soft where RabbitMQ is soft, hard where it is hard.
TEST_P(ChannelError, SaysWhatWasWrong) {
  const std::vector<std::pair<Frames, Frames>> cases{
      {ack(82), channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 82", {60, 80})},
      {nack(82), channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 82", {60, 120})},
      {reject(82), channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 82", {60, 90})},
      {get("none"), channel_close(404, "NOT_FOUND - no queue 'none' in vhost '/'", {60, 70})},
      {consume("none", "c"),
       channel_close(404, "NOT_FOUND - no queue 'none' in vhost '/'", {60, 20})},
      {queue_purge("none"),
       channel_close(404, "NOT_FOUND - no queue 'none' in vhost '/'", {50, 30})},
      {queue_bind("", "amq.direct", "k"),
       channel_close(404, "NOT_FOUND - no previously declared queue", {50, 20})},
      {queue_declare("amq.mine"),
       channel_close(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
                     {50, 10})},
      {exchange_declare("amq.mine", "direct"),
       channel_close(403,
                     "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
                     {40, 10})},
      {exchange_declare("e", "spiral"),
       channel_close(406, "PRECONDITION_FAILED - unknown exchange type 'spiral'", {40, 10})},
      {exchange_declare("", "direct"),
       channel_close(403, "ACCESS_REFUSED - operation not permitted on the default exchange",
                     {40, 10})},
      {exchange_declare("none", "direct", passive),
       channel_close(404, "NOT_FOUND - no exchange 'none' in vhost '/'", {40, 10})},
      {exchange_delete("amq.topic"),
       channel_close(403,
                     "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not "
                     "allowed", {40, 20})},
      {tx_commit(), channel_close(406, "PRECONDITION_FAILED - channel is not transactional",
                                  {90, 20})},
      {tx_rollback(), channel_close(406, "PRECONDITION_FAILED - channel is not transactional",
                                    {90, 30})},
      {recover(), connection_close(540, "NOT_IMPLEMENTED - requeue=false", {60, 110})},
      {frame_of(amqp::basic::Qos{10, 0, false}),
       connection_close(540, "NOT_IMPLEMENTED - prefetch_size!=0 (10)", {60, 10})},
      {publish("", "q", "m", {}, immediate),
       connection_close(540, "NOT_IMPLEMENTED - immediate=true", {60, 40})},
      {publish("amq.rabbitmq.trace", "q", "m"),
       channel_close(403,
                     "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in "
                     "vhost '/'", {60, 40})},
      {publish("", "q", "m", {.user_id = "admin"}),
       channel_close(406,
                     "PRECONDITION_FAILED - user_id property set to 'admin' but authenticated user "
                     "was 'guest'", {60, 40})},
  };
  for (const auto& [frames, answer] : cases) {
    Client& client = on_a_channel();
    client.receives(frames).replies(answer);
    client.turn_ends();
    client.hangs_up();
  }
}

TEST_P(ChannelError, CutsLongTexts) {
  Client& client = on_a_channel();
  const std::string name(255, 'q');
  client.receives(queue_declare(name, passive));
  const auto text = client.takes<amqp::channel::Close>(
      [](const auto& method) { return std::string(method.reply_text); });
  EXPECT_EQ(text.size(), 255U);
  EXPECT_TRUE(text.starts_with("NOT_FOUND - no queue 'qqq")) << text;
  EXPECT_TRUE(text.ends_with("...")) << text;
}

TEST_P(ChannelError, RefusesMessagesThatAreTooLarge) {
  world().settings().message_size_max_bytes = 10;
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "0123456789"))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(publish("", "q", "0123456789a"))
      .replies(channel_close(406,
                             "PRECONDITION_FAILED - message size 11 is larger than configured max "
                             "size 10", {60, 40}));
  client.receives(channel_close_ok(), channel_open(), queue_declare("q", passive))
      .replies(channel_open_ok(), queue_declare_ok("q", 1, 0));
}

}  // namespace
}  // namespace leveret::broker
