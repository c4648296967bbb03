/// Publisher confirms and transactions.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

LEVERET_SCRIPTS(Confirming);
LEVERET_SCRIPTS(Transaction);

// ---- confirms ------------------------------------------------------------------------------

TEST_P(Confirming, AcknowledgesEachPublish) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), confirm_select())
      .replies(queue_declare_ok("q", 0, 0), confirm_select_ok());
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    client.receives(publish("", "q", "m")).replies(ack(seq));
    client.turn_ends();
  }
}

// Goal: the fewest frames: one for all that a turn decides.
TEST_P(Confirming, JoinsWhatOneTurnDecides) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), confirm_select())
      .replies(queue_declare_ok("q", 0, 0), confirm_select_ok());
  client
      .receives_in_one_turn(publish("", "q", "1"), publish("", "q", "2"), publish("", "q", "3"))
      .replies(ack(3, multiple))
      .replies_nothing();
  client.receives_in_one_turn(publish("", "q", "4")).replies(ack(4)).replies_nothing();
}

TEST_P(Confirming, AcknowledgesWhatGoesNowhere) {
  Client& client = on_a_channel();
  client.receives(confirm_select()).replies(confirm_select_ok());
  client.receives(publish("", "nowhere", "m")).replies(ack(1));
  client.turn_ends();
  client.receives(publish("amq.fanout", "", "m", {.delivery_mode = 2})).replies(ack(2));
}

TEST_P(Confirming, AcknowledgesPersistentMessagesOfDurableQueues) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", durable), confirm_select())
      .replies(queue_declare_ok("q", 0, 0), confirm_select_ok());
  client.receives(publish("", "q", "m", {.delivery_mode = 2})).replies(ack(1)).replies_nothing();
}

// Goal: one ack for a message, however many queues it went to, and wherever they are.
TEST_P(Confirming, WaitsForAllQueuesOfAMessage) {
  Client& other = on_a_channel();
  other.receives(queue_declare("theirs"), queue_bind("theirs", "amq.fanout"))
      .replies(queue_declare_ok("theirs", 0, 0), queue_bind_ok());
  Client& client = on_a_channel();
  client.receives(queue_declare("mine"), queue_bind("mine", "amq.fanout"), confirm_select())
      .replies(queue_declare_ok("mine", 0, 0), queue_bind_ok(), confirm_select_ok());
  client.receives(publish("amq.fanout", "", "m")).replies(ack(1)).replies_nothing();
  client.receives(get("theirs", no_ack), get("mine", no_ack))
      .replies(get_ok(1, 0, "", "m", no_flags, {}, "amq.fanout"),
               get_ok(2, 0, "", "m", no_flags, {}, "amq.fanout"));
}

// Goal: in publish order and never across an undecided publish, though the near queue decides
// first.
TEST_P(Confirming, NeverOvertakesAnUndecidedPublish) {
  Client& other = on_a_channel();
  other.receives(queue_declare("far")).replies(queue_declare_ok("far", 0, 0));
  Client& client = on_a_channel();
  client.receives(queue_declare("near"), confirm_select())
      .replies(queue_declare_ok("near", 0, 0), confirm_select_ok());
  client
      .receives_in_one_turn(publish("", "far", "1"), publish("", "near", "2"),
                            publish("", "far", "3"))
      .replies(ack(3, multiple))
      .replies_nothing();
}

TEST_P(Confirming, AcknowledgesBeforeTheChannelCloses) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), confirm_select())
      .replies(queue_declare_ok("q", 0, 0), confirm_select_ok());
  client.receives_in_one_turn(publish("", "q", "m"), channel_close())
      .replies(ack(1), channel_close_ok());
}

TEST_P(Confirming, MayBeAskedForTwiceAndGoesOnCounting) {
  Client& client = on_a_channel();
  client.receives(confirm_select()).replies(confirm_select_ok());
  client.receives(publish("", "nowhere", "m")).replies(ack(1));
  client.turn_ends();
  client.receives(confirm_select()).replies(confirm_select_ok());
  client.receives(publish("", "nowhere", "m")).replies(ack(2));
}

TEST_P(Confirming, CountsFromTheSelection) {
  Client& client = on_a_channel();
  client.receives(publish("", "nowhere", "m"), publish("", "nowhere", "m"), confirm_select())
      .replies(confirm_select_ok());
  client.receives(publish("", "nowhere", "m")).replies(ack(1));
}

TEST_P(Confirming, ExcludesTransactions) {
  Client& client = on_a_channel();
  client.receives(confirm_select(), tx_select())
      .replies(confirm_select_ok(),
               channel_close(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode",
                             {90, 10}));
  Client& second = on_a_channel();
  second.receives(tx_select(), confirm_select())
      .replies(tx_select_ok(),
               channel_close(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode",
                             {85, 10}));
}

// ---- transactions --------------------------------------------------------------------------

TEST_P(Transaction, PublishesAtCommit) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), tx_select(), publish("", "q", "1"), publish("", "q", "2"),
                  queue_declare("q", passive))
      .replies(queue_declare_ok("q", 0, 0), tx_select_ok(), queue_declare_ok("q", 0, 0));
  client.receives(tx_commit()).replies(tx_commit_ok());
  client.receives(queue_declare("q", passive)).replies(queue_declare_ok("q", 2, 0));
  client.receives(tx_commit(), get("q", no_ack), get("q", no_ack))
      .replies(tx_commit_ok(), get_ok(1, 1, "q", "1"), get_ok(2, 0, "q", "2"));
}

TEST_P(Transaction, ForgetsAtRollback) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), tx_select(), publish("", "q", "1"), tx_rollback(),
                  publish("", "q", "2"), tx_commit())
      .replies(queue_declare_ok("q", 0, 0), tx_select_ok(), tx_rollback_ok(), tx_commit_ok());
  client.receives(get("q", no_ack), get("q", no_ack))
      .replies(get_ok(1, 0, "q", "2"), get_empty());
}

TEST_P(Transaction, SettlesAtCommit) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), publish("", "q", "2"), tx_select(),
                  get("q"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), tx_select_ok(), get_ok(1, 1, "q", "1"),
               get_ok(2, 0, "q", "2"));
  client.receives(ack(1), nack(2, requeue), queue_declare("q", passive))
      .replies(queue_declare_ok("q", 0, 0));
  client.receives(tx_commit()).replies(tx_commit_ok());
  client.receives(get("q", no_ack), get("q", no_ack))
      .replies(get_ok(3, 0, "q", "2", redelivered), get_empty());
}

// Goal: what was acknowledged and rolled back may be acknowledged again; nothing comes twice.
TEST_P(Transaction, TakesAcksBackAtRollback) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), publish("", "q", "2"), tx_select(),
                  get("q"), get("q"))
      .replies(queue_declare_ok("q", 0, 0), tx_select_ok(), get_ok(1, 1, "q", "1"),
               get_ok(2, 0, "q", "2"));
  client.receives(ack(2), tx_rollback(), get("q")).replies(tx_rollback_ok(), get_empty());
  client.receives(ack(2, multiple), tx_commit()).replies(tx_commit_ok());
  client.turn_ends();
  client.hangs_up();
  Client& other = on_a_channel();
  other.receives(get("q")).replies(get_empty());
}

TEST_P(Transaction, EndsWithTheChannelUndone) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q"), publish("", "q", "1"), tx_select(), get("q"), ack(1),
                  publish("", "q", "2"), channel_close())
      .replies(queue_declare_ok("q", 0, 0), tx_select_ok(), get_ok(1, 0, "q", "1"),
               channel_close_ok());
  client.receives(channel_open(), get("q", no_ack), get("q", no_ack))
      .replies(channel_open_ok(), get_ok(1, 0, "q", "1", redelivered), get_empty());
}

TEST_P(Transaction, ReturnsAtCommit) {
  Client& client = on_a_channel();
  client.receives(tx_select(), publish("", "nowhere", "m", {}, mandatory)).replies(tx_select_ok());
  client.replies_nothing();
  client.receives(tx_commit()).replies(returned("", "nowhere", "m"), tx_commit_ok());
}

// Goal: commit-ok comes when every queue has the messages, on whichever shard.
TEST_P(Transaction, WaitsForQueuesElsewhere) {
  Client& other = on_a_channel();
  other.receives(queue_declare("far", durable)).replies(queue_declare_ok("far", 0, 0));
  Client& client = on_a_channel();
  client.receives(tx_select(), publish("", "far", "m", {.delivery_mode = 2}), tx_commit(),
                  get("far", no_ack))
      .replies(tx_select_ok(), tx_commit_ok(),
               get_ok(1, 0, "far", "m", no_flags, {.delivery_mode = 2}));
}

// Goal: a rejection of which nothing becomes is in the log with the rest of its transaction, as an
// acknowledgement is, wherever the queue is at home.
TEST_P(Transaction, LogsRejectionsWithTheRest) {
  const Properties persistent{.delivery_mode = 2};
  Client& other = on_a_channel();
  other.receives(queue_declare("far", durable)).replies(queue_declare_ok("far", 0, 0));
  Client& client = on_a_channel();
  client.receives(publish("", "far", "1", persistent), publish("", "far", "2", persistent),
                  tx_select(), get("far"), get("far"))
      .replies(tx_select_ok(), get_ok(1, 1, "far", "1", no_flags, persistent),
               get_ok(2, 0, "far", "2", no_flags, persistent));
  client.receives(nack(2, multiple));
  client.turn_ends();
  constexpr std::size_t shard_of_client = 0;
  EXPECT_EQ(world().settled_count(shard_of_client), 0U);
  client.receives(tx_commit()).replies(tx_commit_ok());
  client.turn_ends();
  EXPECT_EQ(world().settled_count(shard_of_client), 2U);
}

TEST_P(Transaction, SurvivesAClientThatVanishesInACommit) {
  Client& other = on_a_channel();
  other.receives(queue_declare("far")).replies(queue_declare_ok("far", 0, 0));
  Client& client = on_a_channel();
  client.receives(tx_select(), publish("", "far", "m")).replies(tx_select_ok());
  client.turn_ends();
  client.receives(tx_commit());
  client.take_all();
  client.hangs_up();
  other.receives(queue_declare("far", passive)).replies(queue_declare_ok("far", 1, 0));
}

}  // namespace
}  // namespace leveret::broker
