/// Quorum queues, and delivery limits of any queue: what comes back, where to, and how often.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "broker/core/recovered_messages.hpp"
#include "tests/unit/broker/core/queue_fixture.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

class QuorumQueueTest : public QueueTest {
 protected:
  static QueueSettings quorum(std::optional<std::uint32_t> delivery_limit = std::nullopt) {
    QueueSettings settings;
    settings.type = QueueType::quorum;
    settings.delivery_limit = delivery_limit;
    return settings;
  }
  void publish_all(int count) {
    for (int i = 1; i <= count; ++i) publish(std::to_string(i));
  }
  std::vector<QueueEntry> take(int count) {
    std::vector<QueueEntry> taken;
    for (int i = 0; i < count; ++i) {
      shard().send(ShardId{0}, GetFromQueue{queue_, channel_.ref(), false});
      taken.push_back(std::move(*channel_.gets.back().entry));
    }
    return taken;
  }
  void give_back(QueueEntry entry, ReturnReason reason = ReturnReason::given_back) {
    entry.redelivered |= reason != ReturnReason::not_seen;
    shard().send(ShardId{0}, Requeue{queue_, ConsumerId{}, false, std::move(entry), reason});
    shards_.settle();
  }
  /// Bodies and counts of what is ready.
  std::string rest() {
    std::string all;
    while (true) {
      shard().send(ShardId{0}, GetFromQueue{queue_, channel_.ref(), true});
      const auto& entry = channel_.gets.back().entry;
      if (!entry) return all;
      all += (all.empty() ? "" : " ") + std::string(protocol::text_of(entry->message->body()));
      if (entry->delivery_count > 0) all += "/" + std::to_string(entry->delivery_count);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(InMemoryAndPaged, QuorumQueueTest, testing::Bool());

TEST_P(QuorumQueueTest, PutsWhatIsGivenBackToItsEnd) {
  open(quorum());
  publish_all(5);
  auto held = take(3);
  for (const int index : {2, 0, 1}) give_back(std::move(held[static_cast<std::size_t>(index)]));
  publish("6");
  EXPECT_EQ(rest(), "4 5 3/1 1/1 2/1 6");
}

TEST_P(QuorumQueueTest, PutsWhatIsGivenBackToItsFrontIfThereIsALimit) {
  open(quorum(3));
  publish_all(5);
  auto held = take(3);
  for (const int index : {2, 0, 1}) give_back(std::move(held[static_cast<std::size_t>(index)]));
  EXPECT_EQ(rest(), "3/1 1/1 2/1 4 5");
}

TEST_P(QuorumQueueTest, PutsWhatALostChannelHadToItsFront) {
  open(quorum());
  publish_all(4);
  auto held = take(2);
  for (QueueEntry& entry : held) give_back(std::move(entry), ReturnReason::lost);
  EXPECT_EQ(rest(), "1/1 2/1 3 4");
}

// Goal: who has not seen a message has not failed with it.
TEST_P(QuorumQueueTest, DoesNotCountWhatNobodyHasSeen) {
  open(quorum(0));
  publish_all(3);
  auto held = take(2);
  give_back(std::move(held[1]), ReturnReason::not_seen);
  give_back(std::move(held[0]), ReturnReason::not_seen);
  EXPECT_EQ(rest(), "1 2 3");
}

TEST_P(QuorumQueueTest, GivesUpWhatHasComeBackTooOften) {
  open(quorum(2));
  publish("1");
  for (int i = 0; i < 2; ++i) give_back(std::move(take(1)[0]));
  EXPECT_EQ(counts().ready_count, 1U);
  give_back(std::move(take(1)[0]), ReturnReason::lost);
  EXPECT_EQ(counts().ready_count, 0U);
}

// Goal: a policy gives classic queues a limit, too; the place of what comes back stays theirs.
TEST_P(QuorumQueueTest, CountsInClassicQueuesWithALimit) {
  QueueSettings settings;
  settings.delivery_limit = 1;
  open(settings);
  publish_all(3);
  auto held = take(2);
  give_back(std::move(held[1]));
  give_back(std::move(held[0]));
  EXPECT_EQ(rest(), "1/1 2/1 3");
  publish("4");
  give_back(std::move(take(1)[0]));
  give_back(std::move(take(1)[0]));
  EXPECT_EQ(rest(), "");
}

TEST_P(QuorumQueueTest, DoesNotCountInOtherClassicQueues) {
  open();
  publish("1");
  give_back(std::move(take(1)[0]));
  EXPECT_EQ(rest(), "1");
}

TEST_P(QuorumQueueTest, TellsWhoeverGetsAMessageThatItIsCounted) {
  open(quorum());
  publish("1");
  EXPECT_TRUE(take(1)[0].is_counted);
}

TEST_P(QuorumQueueTest, KeepsCountsOfWhatLeavesMemory) {
  open(quorum());
  publish_all(1);
  give_back(std::move(take(1)[0]));
  for (int i = 0; i < 50; ++i) {
    publish(std::to_string(i));
    shards_.settle();
  }
  EXPECT_TRUE(rest().starts_with("1/1 0 1 2 "));
}

TEST_P(QuorumQueueTest, ExpiresWhenItIsUnused) {
  QueueSettings settings = quorum();
  settings.expires_ms = 100;
  open(settings);
  shards_.advance(99ms);
  shards_.advance(2ms);
  EXPECT_TRUE(is_gone());
}

// ---- after a start -------------------------------------------------------------------------

/// Writes down what the log hears of returns.
class CountingLog final : public storage::LogWriter {
 public:
  using Place = storage::LogPlace;
  using Ticket = storage::LogTicket;

  explicit CountingLog(ReadableLog& log) : log_(log) {}

  void mark_returned(const Place&, std::uint32_t, storage::Returns returns) override {
    told += std::to_string(returns.count) + (returns.is_out ? "out " : "back ");
  }
  void append_message(const storage::MessageRecord& record, Place& place) override {
    log_.append_message(record, place);
  }
  void settle(const Place& place, std::uint32_t index) override { log_.settle(place, index); }
  void mark_delivered(const Place&, std::uint32_t) override {}
  void define(std::string_view, std::string_view) override {}
  void undefine(std::string_view) override {}
  void undefine_all(std::string_view) override {}
  Ticket awaited_ticket() override { return log_.awaited_ticket(); }
  Ticket ticket() const override { return log_.ticket(); }
  void submit() override { log_.submit(); }
  Ticket committed() const override { return log_.committed(); }
  Ticket written() const override { return log_.written(); }

  std::string told;

 private:
  ReadableLog& log_;
};

class RecoveredQuorumTest : public testing::Test {
 protected:
  void open(std::optional<std::uint32_t> delivery_limit) {
    QueueDefinition definition;
    definition.name = "q";
    definition.vhost = "/";
    definition.settings.type = QueueType::quorum;
    definition.settings.delivery_limit = delivery_limit;
    definition.ref = {shards_[0].own(), shards_[0].reserve_queue()};
    queues_.emplace(1, &shards_[0].open_queue(std::make_shared<QueueDefinition>(definition)));
  }
  void add(std::string_view body, std::uint32_t return_count, bool was_out) {
    const auto message = Shards::message(body);
    const auto parts = message->log_parts();
    storage::MessageRecord record;
    record.parts = parts;
    log_.append_message(record, message->log_place());
    log_.submit();
    log_.write_all();
    storage::LiveReference reference;
    reference.place = message->log_place();
    reference.queue = 1;
    reference.body_size_bytes = static_cast<std::uint32_t>(body.size());
    reference.delivered = was_out;
    reference.return_count = return_count;
    ASSERT_TRUE(messages_.add(reference));
  }
  std::string rest() {
    messages_.finish();
    paging_.pager.end_recovery();
    std::string all;
    while (const auto entry = queues_.at(1)->get(true)) {
      all += (all.empty() ? "" : " ") + std::string(protocol::text_of(entry->message->body())) +
             "/" + std::to_string(entry->delivery_count) + (entry->redelivered ? "*" : "");
    }
    return all;
  }

  ReadableLog log_;
  CountingLog counting_log_{log_};
  Shards shards_{1, &counting_log_};
  Paging& paging_{shards_.start_paging(0, &log_)};
  RecoveredMessages::Queues queues_;
  RecoveredMessages::Exchanges exchanges_;
  RecoveredMessages messages_{queues_, exchanges_, log_, Instant{1}, WallTime{}};
};

// Goal: the end of the broker is the end of all who had a message, and counts like that.
TEST_F(RecoveredQuorumTest, CountsOn) {
  open(std::nullopt);
  add("new", 0, false);
  add("seen", 0, true);
  add("back", 2, false);
  add("out", 2, true);
  EXPECT_EQ(rest(), "new/0 seen/1* back/2* out/3*");
  EXPECT_EQ(counting_log_.told, "1back 3back ");
}

TEST_F(RecoveredQuorumTest, GivesUpWhatTheBrokerEndedWithOnceTooOften) {
  open(2);
  add("poison", 2, true);
  add("good", 2, false);
  EXPECT_EQ(rest(), "good/2*");
}

}  // namespace
}  // namespace leveret::broker
