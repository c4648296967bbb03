#include "broker/core/recovered_messages.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

/// A log of a former process with messages for two queues, of which one has priorities.
class RecoveredMessagesTest : public testing::Test {
 protected:
  static constexpr std::uint64_t plain = 1, ranked = 2, unknown = 3;

  RecoveredMessagesTest() {
    QueueDefinition definition;
    definition.ref = {shards_[0].own(), shards_[0].reserve_queue()};
    queues_.emplace(plain, &shards_[0].open_queue(std::make_shared<QueueDefinition>(definition)));
    definition.ref = {shards_[0].own(), shards_[0].reserve_queue()};
    definition.settings.max_priority = 5;
    queues_.emplace(ranked, &shards_[0].open_queue(std::make_shared<QueueDefinition>(definition)));
  }

  void add(std::uint64_t queue, std::string_view body, std::uint8_t priority) {
    const auto message = Shards::message(body, priority);
    const auto parts = message->log_parts();
    storage::MessageRecord record;
    record.parts = parts;
    log_.append_message(record, message->log_place());
    log_.submit();
    log_.write_all();
    storage::LiveReference reference;
    reference.place = message->log_place();
    reference.queue = queue;
    reference.body_size_bytes = static_cast<std::uint32_t>(body.size());
    EXPECT_EQ(messages_.add(reference), queue != unknown);
  }
  void finish() {
    messages_.finish();
    paging_.pager.end_recovery();
  }
  std::string fetch_all(std::uint64_t queue) {
    std::string all;
    while (const auto entry = queues_.at(queue)->get(true)) {
      all += (all.empty() ? "" : " ") + std::string(protocol::text_of(entry->message->body()));
    }
    return all;
  }

  ReadableLog log_;
  Shards shards_{1, &log_};
  Paging& paging_{shards_.start_paging(0, &log_)};
  RecoveredMessages::Queues queues_;
  RecoveredMessages::Exchanges exchanges_;
  RecoveredMessages messages_{queues_, exchanges_, log_, Instant{1}, WallTime{}};
};

TEST_F(RecoveredMessagesTest, RankAsBefore) {
  for (int i = 0; i < 12; ++i) {
    add(i % 2 == 0 ? plain : ranked, std::to_string(i), static_cast<std::uint8_t>(i % 3 * 4));
  }
  add(unknown, "lost", 1);
  finish();
  EXPECT_EQ(messages_.count(), 12U);
  EXPECT_EQ(queues_.at(ranked)->counts().ready_count, 6U);
  EXPECT_EQ(fetch_all(plain), "0 2 4 6 8 10");
  EXPECT_EQ(fetch_all(ranked), "5 11 1 7 3 9") << "8 is 5";
}

TEST_F(RecoveredMessagesTest, AreReadInParts) {
  constexpr int count = 10'000;
  for (int i = 0; i < count; ++i) add(ranked, std::to_string(i), static_cast<std::uint8_t>(i % 2));
  finish();
  std::string expected;
  for (int i = 1; i < count; i += 2) expected += (i > 1 ? " " : "") + std::to_string(i);
  for (int i = 0; i < count; i += 2) expected += " " + std::to_string(i);
  EXPECT_EQ(fetch_all(ranked), expected);
}

TEST_F(RecoveredMessagesTest, GoOnWithoutWhatIsDamaged) {
  for (int i = 0; i < 3; ++i) add(ranked, std::to_string(i), 1);
  log_.damaged.insert(1);
  finish();
  EXPECT_EQ(fetch_all(ranked), "0 2");
}

}  // namespace
}  // namespace leveret::broker
