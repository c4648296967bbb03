/// Dead letters that must not be lost: what becomes of them where nobody can take them.
#include "broker/core/promised_letters.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;

/// A quorum queue "q" that promises to hand on its dead letters to "dead", which is on another
/// shard where there are two.
class PromisedLettersTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  void SetUp() override {
    settings_.type = QueueType::quorum;
    settings_.dead_letter_exchange = "";
    settings_.dead_letter_routing_key = "dead";
    settings_.dead_letter_strategy = DeadLetterStrategy::at_least_once;
    settings_.overflow = QueueOverflow::reject_publish;
  }
  void open() {
    QueueDefinition definition;
    definition.settings = settings_;
    definition.durable_number = 1;
    queue_ = shards_.declare(0, "q", definition);
  }
  void open_dead(const std::string& name = "dead", QueueSettings settings = {}) {
    QueueDefinition definition;
    definition.settings = settings;
    dead_ = shards_.declare(shards_.size() - 1, name, definition);
  }
  bool publish(std::string_view body) {
    shards_[0].send(ShardId{0}, PublishToQueue{queue_, Shards::message(body), {}, channel_.ref(),
                                               PublishSeq{++last_seq_}});
    shards_.settle();
    return channel_.rejected.empty() || channel_.rejected.back() != last_seq_;
  }
  void reject() {
    shards_[0].send(ShardId{0}, GetFromQueue{queue_, channel_.ref(), false});
    ASSERT_TRUE(channel_.gets.back().entry);
    shards_[0].send(ShardId{0}, Reject{queue_, {}, std::move(*channel_.gets.back().entry)});
    shards_.settle();
  }
  std::uint64_t promised_count() { return shards_[0].dead_letters().promised().of(1).count; }
  std::string dead_letters() {
    shards_.settle();
    ShardState& home = shards_[shards_.size() - 1];
    Listener channel(home);
    std::string all;
    while (true) {
      home.send(home.own(), GetFromQueue{dead_, channel.ref(), true});
      const auto& entry = channel.gets.back().entry;
      if (!entry) return all;
      all += (all.empty() ? "" : " ") + std::string(protocol::text_of(entry->message->body()));
    }
  }

  Shards shards_{GetParam()};
  Listener channel_{shards_[0]};
  QueueSettings settings_;
  QueueRef queue_, dead_;
  std::uint64_t last_seq_ = 0;
};
INSTANTIATE_TEST_SUITE_P(OneAndTwoShards, PromisedLettersTest, testing::Values(1, 2));

TEST_P(PromisedLettersTest, GoWhereTheyCan) {
  open();
  open_dead();
  publish("1");
  reject();
  EXPECT_EQ(dead_letters(), "1");
  EXPECT_EQ(promised_count(), 0U);
}

TEST_P(PromisedLettersTest, WaitForAQueue) {
  open();
  publish("1");
  publish("2");
  reject();
  reject();
  EXPECT_EQ(promised_count(), 2U);
  shards_.advance(60s);
  EXPECT_EQ(promised_count(), 2U);
  open_dead();
  shards_.advance(5s);
  EXPECT_EQ(dead_letters(), "1 2");
  EXPECT_EQ(promised_count(), 0U);
}

TEST_P(PromisedLettersTest, WaitForAnExchange) {
  settings_.dead_letter_exchange = "x";
  open();
  open_dead();
  publish("1");
  reject();
  EXPECT_EQ(promised_count(), 1U);
  ExchangeDefinition exchange;
  exchange.name = "x";
  exchange.vhost = "/";
  exchange.type = ExchangeType::fanout;
  shards_.ask({}, DeclareExchange{exchange});
  BindingDefinition binding;
  binding.vhost = "/";
  binding.source = "x";
  binding.destination = "dead";
  binding.to_queue = true;
  shards_.ask({}, Bind{binding});
  shards_.advance(5s);
  EXPECT_EQ(dead_letters(), "1");
}

// Goal: a full queue does not lose what was promised.
TEST_P(PromisedLettersTest, WaitForRoom) {
  QueueSettings full;
  full.max_length = 1;
  full.overflow = QueueOverflow::reject_publish;
  open();
  open_dead("dead", full);
  for (const char* body : {"1", "2", "3"}) publish(body);
  for (int i = 0; i < 3; ++i) reject();
  EXPECT_EQ(promised_count(), 2U);
  std::string all = dead_letters();
  for (int i = 0; i < 2; ++i) {
    shards_.advance(5s);
    all += " " + dead_letters();
  }
  EXPECT_EQ(all, "1 2 3");
  EXPECT_EQ(promised_count(), 0U);
}

TEST_P(PromisedLettersTest, CountToTheLimitsOfTheirQueue) {
  settings_.max_length = 2;
  open();
  EXPECT_TRUE(publish("1"));
  EXPECT_TRUE(publish("2"));
  reject();
  EXPECT_FALSE(publish("3"));
  open_dead();
  shards_.advance(5s);
  EXPECT_TRUE(publish("4"));
}

TEST_P(PromisedLettersTest, GoWithTheirQueue) {
  open();
  publish("1");
  reject();
  EXPECT_EQ(promised_count(), 1U);
  shards_[0].send(ShardId{0}, DeleteQueue{queue_, channel_.ref()});
  shards_.settle();
  open_dead();
  shards_.advance(5s);
  EXPECT_EQ(promised_count(), 0U);
  EXPECT_EQ(dead_letters(), "");
}

TEST_P(PromisedLettersTest, AreNotMadeWhereTheQueueMakesRoomItself) {
  settings_.overflow = QueueOverflow::drop_head;
  open();
  publish("1");
  reject();
  EXPECT_EQ(promised_count(), 0U);
}

}  // namespace
}  // namespace leveret::broker
