#include "broker/core/dead_letters.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/basic_properties.hpp"
#include "protocol/wire_writer.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;
using protocol::BasicProperties;

/// A queue "q" that dead-letters to "dead", on another shard where there are two.
class DeadLettersTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  void SetUp() override {
    settings_.dead_letter_exchange = "";
    settings_.dead_letter_routing_key = "dead";
    dead_ = shards_.declare(shards_.size() - 1, "dead");
  }
  void open() {
    QueueDefinition definition;
    definition.settings = settings_;
    queue_ = shards_.declare(0, "q", definition);
  }
  void publish(std::string_view body, std::optional<std::uint64_t> expiration_ms = std::nullopt) {
    shards_[0].send(ShardId{0},
                    PublishToQueue{queue_, Shards::message(body), expiration_ms, {}, {}});
  }
  void reject() {
    shards_[0].send(ShardId{0}, GetFromQueue{queue_, channel_.ref(), false});
    ASSERT_TRUE(channel_.gets.back().entry);
    shards_[0].send(ShardId{0}, Reject{queue_, {}, std::move(*channel_.gets.back().entry)});
    shards_.settle();
  }
  /// The next dead letter: its body, and where it died last and why.
  std::string dead_letter() {
    shards_.settle();
    ShardState& home = shards_[shards_.size() - 1];
    Listener channel(home);
    home.send(home.own(), GetFromQueue{dead_, channel.ref(), true});
    const auto& entry = channel.gets.back().entry;
    if (!entry) return "";
    BasicProperties properties;
    if (!properties.read(entry->message->properties())) return "unreadable";
    const auto headers = properties.headers->decode();
    return std::string(protocol::text_of(entry->message->body())) + " " +
           std::string(*headers->find("x-last-death-queue")->as_string()) + " " +
           std::string(*headers->find("x-last-death-reason")->as_string());
  }
  std::uint64_t ready_count(QueueRef queue, std::size_t home) {
    Listener channel(shards_[home]);
    shards_[home].send(queue.shard, InspectQueue{queue, channel.ref()});
    return channel.replies.back().outcome->ready_count;
  }

  Shards shards_{GetParam()};
  Listener channel_{shards_[0]};
  QueueSettings settings_;
  QueueRef queue_, dead_;
};

TEST_P(DeadLettersTest, GoWhereTheQueueSays) {
  settings_.message_ttl_ms = 50;
  settings_.max_length = 2;
  open();
  for (const char* body : {"1", "2", "3"}) publish(body);
  EXPECT_EQ(dead_letter(), "1 q maxlen");
  reject();
  EXPECT_EQ(dead_letter(), "2 q rejected");
  EXPECT_EQ(dead_letter(), "");
  shards_.advance(51ms);
  EXPECT_EQ(dead_letter(), "3 q expired");
  EXPECT_EQ(ready_count(queue_, 0), 0U);
}

TEST_P(DeadLettersTest, GoAlsoWhereBlindKeysSay) {
  settings_.dead_letter_routing_key.reset();
  open();
  const std::vector<std::string_view> keys{"nowhere", "dead"};
  constexpr std::array<std::byte, 2> no_properties{};
  auto message = Message::create("", "q", no_properties, 4, write_blind_keys(keys));
  message->append_body(protocol::bytes_of("body"));
  shards_[0].send(ShardId{0}, PublishToQueue{queue_, std::move(message), {}, {}, {}});
  reject();
  EXPECT_EQ(dead_letter(), "body q rejected");
  EXPECT_EQ(ready_count(queue_, 0), 1U) << "its own key leads back";
}

TEST_P(DeadLettersTest, AreWhatAFullQueueRefuses) {
  settings_.max_length = 1;
  settings_.overflow = QueueOverflow::reject_publish_dlx;
  open();
  publish("1");
  publish("2");
  EXPECT_EQ(dead_letter(), "2 q maxlen");
  EXPECT_EQ(ready_count(queue_, 0), 1U);
}

TEST_P(DeadLettersTest, AreLostWithoutTheirExchange) {
  settings_.dead_letter_exchange = "missing";
  open();
  publish("1");
  reject();
  EXPECT_EQ(dead_letter(), "");
}

TEST_P(DeadLettersTest, DoNotGoRoundByThemselves) {
  settings_.message_ttl_ms = 50;
  settings_.dead_letter_routing_key = "q";
  open();
  publish("1");
  shards_.advance(51ms);
  EXPECT_EQ(ready_count(queue_, 0), 0U);
  publish("2");
  reject();
  EXPECT_EQ(ready_count(queue_, 0), 1U) << "somebody rejected it: that is no cycle";
  shards_.advance(51ms);
  EXPECT_EQ(ready_count(queue_, 0), 0U);
}

// Goal: they go when their time has come, whatever is before them.
TEST_P(DeadLettersTest, GoInTheOrderOfTheirDeadlines) {
  open();
  publish("never");
  for (const int expiration_ms : {400, 300, 200, 400}) {
    publish(std::to_string(expiration_ms), expiration_ms);
  }
  shards_.advance(250ms);
  EXPECT_EQ(ready_count(queue_, 0), 4U);
  EXPECT_EQ(dead_letter(), "200 q expired");
  EXPECT_EQ(dead_letter(), "");
  shards_.advance(250ms);
  for (const char* letter : {"300 q expired", "400 q expired", "400 q expired", ""}) {
    EXPECT_EQ(dead_letter(), letter);
  }
  EXPECT_EQ(ready_count(queue_, 0), 1U);
}

// Goal: a mass of deadlines in no order takes a bounded part of each turn, and all go.
TEST_P(DeadLettersTest, OfManyDeadlinesGoABoundedNumberATurn) {
  settings_.dead_letter_exchange.reset();
  settings_.dead_letter_routing_key.reset();
  open();
  constexpr std::uint64_t count = 20'000;
  publish("never");
  for (std::uint64_t i = 0; i < count; ++i) publish("x", 1 + i * 7919 % 1000);
  shards_.settle();
  shards_[0].begin_turn(Instant{10'000});
  shards_[0].advance_timers();
  std::uint64_t left = count;
  EXPECT_FALSE(shards_[0].end_turn());
  left = ready_count(queue_, 0);
  EXPECT_GT(left, count - 5000);
  EXPECT_LT(left, count);
  shards_.advance(10s);
  EXPECT_EQ(ready_count(queue_, 0), 1U);
}

TEST_P(DeadLettersTest, OfAMassExpiryGoABoundedNumberATurn) {
  settings_.message_ttl_ms = 50;
  open();
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t i = 0; i < count; ++i) publish("x");
  shards_.settle();
  shards_[0].begin_turn(Instant{10'000});
  shards_[0].advance_timers();
  EXPECT_FALSE(shards_[0].end_turn());
  const std::uint64_t left = ready_count(queue_, 0);
  EXPECT_GT(left, 0U);
  EXPECT_LT(left, count);
  shards_.advance(10s);
  EXPECT_EQ(ready_count(dead_, shards_.size() - 1), count);
}

TEST_P(DeadLettersTest, ComeFromPagedQueuesToo) {
  shards_.start_paging(0);
  settings_.message_ttl_ms = 50;
  settings_.max_length = 900;
  open();
  for (int i = 1; i <= 1000; ++i) publish(std::to_string(i));
  shards_.settle();
  EXPECT_EQ(dead_letter(), "1 q maxlen");
  shards_.advance(51ms);
  for (int i = 2; i <= 1000; ++i) {
    ASSERT_EQ(dead_letter(), std::to_string(i) + (i <= 100 ? " q maxlen" : " q expired"));
  }
}

INSTANTIATE_TEST_SUITE_P(, DeadLettersTest, testing::Values(1, 2), [](const auto& test) {
  return std::to_string(test.param) + "Shards";
});

}  // namespace
}  // namespace leveret::broker
