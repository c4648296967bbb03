/// Direct reply-to: requests and answers without a reply queue.
#include <map>
#include <set>

#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

const std::string reply_to = "amq.rabbitmq.reply-to";

class DirectReply : public Script {
 protected:
  /// A client with channel 1 and a reply consumer "r".
  Client& requester() {
    Client& client = on_a_channel();
    client.receives(consume(reply_to, "r", no_ack)).replies(consume_ok("r"));
    return client;
  }

  /// A client with channel 1 and queue "requests".
  Client& responder() {
    Client& client = on_a_channel();
    client.receives(queue_declare("requests")).replies(queue_declare_ok("requests", 0, 0));
    client.turn_ends();
    return client;
  }

  /// Sends a request and takes it at the other end; the address to answer to.
  static std::string ask(Client& requester, Client& responder) {
    requester.receives(publish("", "requests", "ask", {.reply_to = reply_to}));
    responder.receives(get("requests", no_ack));
    responder.take_frame();
    const std::string header = responder.take_frame();
    EXPECT_EQ(responder.take_frame(), content_body("ask").bytes);
    const auto payload =
        protocol::bytes_of(std::string_view(header).substr(19, header.size() - 20));
    const auto properties = protocol::BasicProperties::decode(payload);
    EXPECT_TRUE(properties && properties->reply_to);
    return properties && properties->reply_to ? std::string(*properties->reply_to) : "";
  }
};
INSTANTIATE_TEST_SUITE_P(Played, DirectReply, every_form(), form_name);

TEST_P(DirectReply, BringsTheAnswerBack) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  EXPECT_TRUE(address.starts_with(reply_to + ".")) << address;
  server.receives(publish("", address, "answer", {.correlation_id = "1"}));
  client.replies(deliver("r", 1, address, "answer", no_flags, {.correlation_id = "1"}));
  server.receives(publish("", address, "more"));
  client.replies(deliver("r", 2, address, "more"));
}

// Goal: a name that is not exactly the one given reaches nobody and is no queue.
TEST_P(DirectReply, CannotBeGuessed) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  for (std::size_t at = reply_to.size() + 1; at < address.size(); ++at) {
    std::string wrong = address;
    wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
    server.receives(publish("", wrong, "forged"));
    server.receives(queue_declare(wrong, passive))
        .replies(channel_close(404, "NOT_FOUND - no queue '" + wrong + "' in vhost '/'", {50, 10}));
    server.receives(channel_close_ok(), channel_open()).replies(channel_open_ok());
  }
  for (const std::string& wrong : {reply_to + ".", address + "A", address.substr(0, 40)}) {
    server.receives(publish("", wrong, "forged", {}, mandatory))
        .replies(returned("", wrong, "forged"));
  }
  client.replies_nothing();
}

TEST_P(DirectReply, GivesEachChannelItsOwnAddress) {
  Client& server = responder();
  std::set<std::string> addresses;
  for (int i = 0; i < 5; ++i) addresses.insert(ask(requester(), server));
  EXPECT_EQ(addresses.size(), 5U);
}

// Goal: an address is not valid again after its channel number and place were taken anew.
TEST_P(DirectReply, ForgetsTheAddressOfAClosedChannel) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  client.receives(channel_close(), channel_open(), consume(reply_to, "r", no_ack))
      .replies(channel_close_ok(), channel_open_ok(), consume_ok("r"));
  client.turn_ends();
  server.receives(publish("", address, "late", {}, mandatory))
      .replies(returned("", address, "late"));
  client.replies_nothing();
}

// Goal: better than RabbitMQ: a mandatory answer comes back exactly when nobody waits for it.
TEST_P(DirectReply, HandsBackMandatoryAnswersWhenTheRequesterHasGone) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  server.receives(confirm_select()).replies(confirm_select_ok());
  server.receives(publish("", address, "1", {}, mandatory)).replies(ack(1));
  client.replies(deliver("r", 1, address, "1"));
  client.turn_ends();
  client.receives(cancel("r")).replies(cancel_ok("r"));
  server.receives_in_one_turn(publish("", address, "2", {}, mandatory))
      .replies(returned("", address, "2"), ack(2));
  client.turn_ends();
  client.hangs_up();
  server.receives_in_one_turn(publish("", address, "3", {}, mandatory))
      .replies(returned("", address, "3"), ack(3));
  server.receives(publish("", address, "4")).replies(ack(4));
}

TEST_P(DirectReply, IsConfirmedAtOnce) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  server.receives(confirm_select()).replies(confirm_select_ok());
  server.receives(publish("", address, "answer", {.delivery_mode = 2})).replies(ack(1));
  client.replies(deliver("r", 1, address, "answer", no_flags, {.delivery_mode = 2}));
}

TEST_P(DirectReply, CanBeLookedAtLikeAQueue) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  server.receives(queue_declare(address, passive), queue_declare(address))
      .replies(queue_declare_ok(address, 0, 1), queue_declare_ok(address, 0, 1));
  server.receives(queue_declare(reply_to)).replies(queue_declare_ok(reply_to, 0, 1));
  server.turn_ends();
  client.receives(channel_close()).replies(channel_close_ok());
  client.turn_ends();
  server.receives(queue_declare(address, passive))
      .replies(channel_close(404, "NOT_FOUND - no queue '" + address + "' in vhost '/'", {50, 10}));
}

TEST_P(DirectReply, ReachesItsOwnConnection) {
  Client& client = requester();
  client.receives(queue_declare("requests"), on_channel(2, channel_open()))
      .replies(queue_declare_ok("requests", 0, 0), on_channel(2, channel_open_ok()));
  const std::string address = ask(client, client);
  client.receives(on_channel(2, publish("", address, "answer")))
      .replies(deliver("r", 2, address, "answer"));
}

TEST_P(DirectReply, IsReachedByCcToo) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  const Properties copy{
      .headers = table({{"CC", FieldValue::array({FieldValue::long_string(address)})}})};
  server.receives(publish("", "requests", "answer", copy));
  client.replies(deliver("r", 1, "requests", "answer", no_flags, copy));
  server.receives(get("requests", no_ack))
      .replies(get_ok(2, 0, "requests", "answer", no_flags, copy));
}

TEST_P(DirectReply, HasItsRules) {
  const std::vector<std::pair<Frames, Frames>> cases{
      {consume(reply_to, "r"),
       channel_close(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge", {60, 20})},
      {consume(reply_to, "r", no_ack | nowait) + consume(reply_to, "s", no_ack),
       channel_close(406, "PRECONDITION_FAILED - reply consumer already set", {60, 20})},
      {publish("", "q", "m", {.reply_to = reply_to}),
       channel_close(406, "PRECONDITION_FAILED - fast reply consumer does not exist", {60, 40})},
      {get(reply_to),
       connection_close(540,
                        "NOT_IMPLEMENTED - basic.get not supported by volatile queue "
                        "'amq.rabbitmq.reply-to' in vhost '/'", {60, 70})},
  };
  for (const auto& [frames, answer] : cases) {
    Client& client = on_a_channel();
    client.receives(frames).replies(answer);
    client.turn_ends();
    client.hangs_up();
  }
}

TEST_P(DirectReply, LeavesOtherReplyAddressesAlone) {
  Client& client = requester();
  client.receives(queue_declare("q"), publish("", "q", "m", {.reply_to = "elsewhere"}))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(get("q", no_ack))
      .replies(get_ok(1, 0, "q", "m", no_flags, {.reply_to = "elsewhere"}));
}

TEST_P(DirectReply, InATransactionWaitsForCommit) {
  Client& client = requester();
  Client& server = responder();
  const std::string address = ask(client, server);
  server.receives(tx_select(), publish("", address, "answer", {}, mandatory))
      .replies(tx_select_ok());
  client.replies_nothing();
  server.receives(tx_commit()).replies(tx_commit_ok());
  client.replies(deliver("r", 1, address, "answer"));
}

}  // namespace
}  // namespace leveret::broker
