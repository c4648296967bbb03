/// basic.get, ack, nack, reject, recover: tags, order after a requeue, the redelivered flag.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

class Acknowledging : public Script {
 protected:
  /// A client that holds messages m1 to m<count> of queue "q", unacknowledged.
  Client& holding(int count) {
    Client& client = on_a_channel();
    client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
    for (int i = 1; i <= count; ++i) client.receives(publish("", "q", "m" + std::to_string(i)));
    for (int i = 1; i <= count; ++i) {
      client.receives(get("q")).replies(get_ok(static_cast<std::uint64_t>(i),
                                               static_cast<std::uint32_t>(count - i), "q",
                                               "m" + std::to_string(i)));
    }
    client.turn_ends();
    return client;
  }

  /// What is in the queue: bodies, with a star where redelivered.
  std::string rest_of_queue() {
    Client& reader = on_a_channel();
    std::string bodies;
    while (true) {
      const std::string reply = reader.receives(get("q", no_ack)).take_frame();
      if (reply == get_empty().bytes) break;
      const bool again = reply.at(19) != 0;  // After head, ids and tag.
      reader.take_frame();
      const std::string body = reader.take_frame();
      bodies += (bodies.empty() ? "" : " ") + body.substr(7, body.size() - 8) + (again ? "*" : "");
    }
    return bodies;
  }
};
INSTANTIATE_TEST_SUITE_P(Played, Acknowledging, every_form(), form_name);

TEST_P(Acknowledging, AckDropsOne) {
  Client& client = holding(3);
  client.receives(ack(2));
  client.turn_ends();
  client.hangs_up();
  EXPECT_EQ(rest_of_queue(), "m1* m3*");
}

TEST_P(Acknowledging, MultipleTakesAllUpToTheTag) {
  Client& client = holding(4);
  client.receives(ack(2), ack(3, multiple));
  client.turn_ends();
  client.hangs_up();
  EXPECT_EQ(rest_of_queue(), "m4*");
}

TEST_P(Acknowledging, MultipleOfTagZeroTakesEverything) {
  Client& client = holding(3);
  client.receives(ack(0, multiple), ack(0, multiple));
  client.turn_ends();
  client.hangs_up();
  EXPECT_EQ(rest_of_queue(), "");
}

TEST_P(Acknowledging, RejectDropsOrPutsBack) {
  Client& client = holding(3);
  client.receives(reject(1), reject(3, requeue));
  client.turn_ends();
  EXPECT_EQ(rest_of_queue(), "m3*");
}

TEST_P(Acknowledging, NackPutsSeveralBackInTheirOrder) {
  Client& client = holding(4);
  client.receives(publish("", "q", "m5"), nack(3, multiple | requeue));
  client.turn_ends();
  EXPECT_EQ(rest_of_queue(), "m1* m2* m3* m5");
}

// Goal: a message comes back to where it was, whatever happened meanwhile.
TEST_P(Acknowledging, PutsBackToTheOriginalPosition) {
  Client& client = holding(4);
  client.receives(publish("", "q", "m5"), nack(4, requeue), nack(2, requeue), nack(3, requeue));
  client.turn_ends();
  EXPECT_EQ(rest_of_queue(), "m2* m3* m4* m5");
}

TEST_P(Acknowledging, NackWithoutRequeueDrops) {
  Client& client = holding(3);
  client.receives(nack(2, multiple));
  client.turn_ends();
  client.hangs_up();
  EXPECT_EQ(rest_of_queue(), "m3*");
}

TEST_P(Acknowledging, RecoverPutsEverythingBack) {
  Client& client = holding(2);
  client.receives(recover(requeue)).replies(recover_ok());
  client.receives(frame_of(amqp::basic::RecoverAsync{true})).replies_nothing();
  EXPECT_EQ(rest_of_queue(), "m1* m2*");
}

TEST_P(Acknowledging, TheEndOfTheChannelPutsEverythingBack) {
  Client& client = holding(3);
  client.receives(ack(1), channel_close()).replies(channel_close_ok());
  client.turn_ends();
  EXPECT_EQ(rest_of_queue(), "m2* m3*");
}

TEST_P(Acknowledging, TheSameTagTwiceIsAMistake) {
  Client& client = holding(2);
  client.receives(ack(1), ack(1))
      .replies(channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 1", {60, 80}));
  client.turn_ends();
  EXPECT_EQ(rest_of_queue(), "m2*");
}

TEST_P(Acknowledging, TagZeroNeedsMultiple) {
  Client& client = holding(1);
  client.receives(ack(0))
      .replies(channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 0", {60, 80}));
}

TEST_P(Acknowledging, WhatNeedsNoAckTakesATagAllTheSame) {
  Client& client = holding(1);
  client.receives(publish("", "q", "m2"), publish("", "q", "m3"));
  client.receives(get("q", no_ack), get("q"))
      .replies(get_ok(2, 1, "q", "m2"), get_ok(3, 0, "q", "m3"));
  client.receives(ack(2))
      .replies(channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 2", {60, 80}));
}

TEST_P(Acknowledging, TagsAreTheChannelsOwn) {
  Client& client = holding(2);
  client.receives(on_channel(2, channel_open()), on_channel(2, ack(1)))
      .replies(on_channel(2, channel_open_ok()),
               on_channel(2, channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 1",
                                           {60, 80})));
}

TEST_P(Acknowledging, PurgeTakesOnlyWhatIsReady) {
  Client& client = holding(2);
  client.receives(publish("", "q", "m3"), queue_purge("q")).replies(queue_purge_ok(1));
  client.receives(nack(0, multiple | requeue));
  client.turn_ends();
  EXPECT_EQ(rest_of_queue(), "m1* m2*");
}

TEST_P(Acknowledging, SettlesWithAQueueThatHasGone) {
  Client& client = holding(3);
  client.receives(queue_delete("q")).replies(queue_delete_ok(0));
  client.receives(ack(1), nack(2, requeue), reject(3, requeue)).replies_nothing();
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
}

}  // namespace
}  // namespace leveret::broker
