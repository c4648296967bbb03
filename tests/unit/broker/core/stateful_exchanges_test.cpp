#include "broker/core/stateful_exchanges.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;
using protocol::FieldTable;
using protocol::FieldValue;

FieldTable delay(std::int64_t milliseconds) {
  FieldTable headers;
  headers.set("x-delay", FieldValue::int64(milliseconds));
  return headers;
}
FieldTable like(const char* value) {
  FieldTable headers;
  headers.set("x-deduplication-header", FieldValue::long_string(value));
  return headers;
}

/// Exchanges that keep something, and a queue "q" on the last shard. All shards use one log.
class StatefulExchangesTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  StatefulExchangesTest() { queue_ = declare_queue("q", 1'000'001); }

  QueueRef declare_queue(const std::string& name, std::uint64_t number) {
    QueueDefinition definition;
    definition.durable = number != 0;
    definition.durable_number = number;
    return shards_.declare(shards_.size() - 1, name, definition);
  }
  void declare(const std::string& name, ExchangeType type, FieldTable arguments = {},
               bool durable = true) {
    ExchangeDefinition definition{"/", name, type, durable, false, false, {}, arguments};
    shards_.ask({}, DeclareExchange{definition});
  }
  void declare_delaying(const std::string& name = "x") {
    FieldTable arguments;
    arguments.set("x-delayed-type", FieldValue::long_string("fanout"));
    declare(name, ExchangeType::delayed_message, arguments);
  }
  void declare_history(std::int64_t length, const std::string& name = "x") {
    FieldTable arguments;
    arguments.set("x-recent-history-length", FieldValue::int64(length));
    declare(name, ExchangeType::recent_history, arguments);
  }
  void declare_deduplicating(std::int64_t size) {
    FieldTable arguments;
    arguments.set("x-cache-size", FieldValue::int64(size));
    declare("x", ExchangeType::message_deduplication, arguments);
  }
  void bind(const std::string& destination = "q", bool to_queue = true,
            const std::string& source = "x") {
    shards_.ask({}, Bind{{"/", source, to_queue, destination, "", {}}});
  }
  const ExchangeDefinition& definition(const std::string& name = "x") {
    Topology& topology = shards_[0].topology();
    return topology.find_exchange(*topology.find_vhost("/"), name)->definition;
  }
  StatefulExchange& exchange(const std::string& name = "x") {
    const ExchangeDefinition& found = definition(name);
    return *shards_[static_cast<std::size_t>(found.home)].stateful_exchanges().find("/", name);
  }

  static MessageRef message(std::string_view body, const FieldTable& headers, bool persistent) {
    protocol::BasicProperties properties;
    if (persistent) properties.delivery_mode = 2;
    const auto made = Message::create("x", "k", std::vector<std::byte>(2), body.size());
    made->append_body(protocol::bytes_of(body));
    return with_headers(*made, properties, headers);
  }
  /// Publishes from the first shard to an exchange, as a channel does.
  MessageRef publish(std::string_view body, const FieldTable& headers = {}, bool persistent = true,
                     const std::string& name = "x") {
    const MessageRef made = message(body, headers, persistent);
    const RouteTarget target = RouteTarget::of(definition(name));
    shards_[0].publish({made, std::span(&target, 1), persistent, {}, channel_.ref(),
                        PublishSeq{++last_seq_}});
    return made;
  }

  /// The bodies in a queue, in order.
  std::string bodies(QueueRef queue) {
    shards_.settle();
    ShardState& home = shards_[static_cast<std::size_t>(queue.shard)];
    Listener channel(home);
    std::string all;
    while (true) {
      home.send(home.own(), GetFromQueue{queue, channel.ref(), true});
      const auto& entry = channel.gets.back().entry;
      if (!entry) return all;
      home.settle_in_log(*entry);
      all += (all.empty() ? "" : " ") + std::string(protocol::text_of(entry->message->body()));
    }
  }
  std::string bodies() { return bodies(queue_); }
  std::uint64_t ready_count() {
    ShardState& home = shards_[shards_.size() - 1];
    Listener channel(home);
    home.send(home.own(), InspectQueue{queue_, channel.ref()});
    return channel.replies.back().outcome->ready_count;
  }
  /// References that nobody is done with, of all that were ever made.
  std::size_t live_count() {
    shards_.settle();
    return log_.reference_count - log_.settled.size();
  }

  ReadableLog log_;
  Shards shards_{GetParam(), &log_};
  Listener channel_{shards_[0]};
  QueueRef queue_;
  std::uint64_t last_seq_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Shards, StatefulExchangesTest, testing::Values(1, 2, 3));

// ---- delays --------------------------------------------------------------------------------

TEST_P(StatefulExchangesTest, HoldBackUntilItIsTime) {
  declare_delaying();
  bind();
  publish("late", delay(200));
  publish("soon", delay(100));
  publish("now");
  EXPECT_EQ(bodies(), "now");
  EXPECT_EQ(exchange().delayed_count(), 2U);
  EXPECT_EQ(exchange().next_due(), Instant{1100});
  shards_.advance(100ms);
  EXPECT_EQ(bodies(), "soon");
  shards_.advance(100ms);
  EXPECT_EQ(bodies(), "late");
  EXPECT_EQ(exchange().next_due(), never);
}

TEST_P(StatefulExchangesTest, GiveOneVerdictAndSettleWhatTheyHeld) {
  declare_delaying();
  bind();
  publish("held", delay(100));
  publish("now");
  shards_.settle();
  EXPECT_EQ(channel_.verdicts, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(channel_.committed, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(live_count(), 2U) << "one held, one in the queue";
  shards_.advance(100ms);
  EXPECT_EQ(bodies(), "now held");
  EXPECT_EQ(live_count(), 0U);
}

TEST_P(StatefulExchangesTest, SendOnWhatIsDueABoundedNumberATurn) {
  declare_delaying();
  bind();
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t i = 0; i < count; ++i) publish("x", delay(100), false);
  shards_.settle();
  const auto home = static_cast<std::size_t>(definition().home);
  shards_[home].begin_turn(Instant{1100});
  shards_[home].advance_timers();
  EXPECT_FALSE(shards_[home].end_turn());
  EXPECT_GT(exchange().delayed_count(), count / 2);
  EXPECT_LT(exchange().delayed_count(), count);
  shards_.advance(100ms);
  EXPECT_EQ(ready_count(), count);
}

TEST_P(StatefulExchangesTest, KeepOnlyPlacesWhenMemoryIsScarce) {
  declare_delaying();
  bind();
  const auto home = static_cast<std::size_t>(definition().home);
  Paging& paging = shards_.start_paging(home, &log_);
  std::string expected;
  for (int i = 0; i < 10; ++i) {
    publish(std::to_string(i), delay(100));
    expected += (i == 0 ? "" : " ") + std::to_string(i);
  }
  publish("not logged", delay(100), false);
  shards_.settle();
  log_.write_all();
  paging.page_out();
  EXPECT_EQ(exchange().delayed_count(), 11U);
  shards_.advance(100ms);
  EXPECT_EQ(bodies(), expected + " not logged");
  EXPECT_EQ(paging.reports, std::vector<std::string>{});
}

TEST_P(StatefulExchangesTest, GoOnWithoutWhatIsDamaged) {
  declare_delaying();
  bind();
  const auto home = static_cast<std::size_t>(definition().home);
  Paging& paging = shards_.start_paging(home, &log_);
  for (const char* body : {"1", "2", "3"}) publish(body, delay(100));
  shards_.settle();
  log_.write_all();
  paging.page_out();
  log_.damaged.insert(1);
  shards_.advance(100ms);
  EXPECT_EQ(bodies(), "1 3");
  EXPECT_EQ(paging.reports,
            std::vector<std::string>{
                "exchange 'x' in vhost '/': 1 message lost, damaged in the log"});
  EXPECT_EQ(live_count(), 0U);
}

TEST_P(StatefulExchangesTest, TakeAllWithThemWhenTheyGo) {
  declare_delaying();
  publish("1", delay(100));
  publish("2", delay(100), false);
  EXPECT_EQ(live_count(), 1U);
  shards_.ask({}, DeleteExchange{"/", "x"});
  EXPECT_EQ(live_count(), 0U);
  shards_.advance(1s);
}

TEST_P(StatefulExchangesTest, GoWithTheirVhost) {
  declare_history(5);
  publish("1");
  const auto home = static_cast<std::size_t>(definition().home);
  EXPECT_EQ(live_count(), 1U);
  shards_.ask({}, ChangeDefinition{DeleteVhost{"/"}});
  EXPECT_EQ(shards_[home].stateful_exchanges().find("/", "x"), nullptr);
  EXPECT_EQ(live_count(), 0U);
}

// Goal: what was on its way to an exchange that is gone is accepted, as by a queue.
TEST_P(StatefulExchangesTest, AcceptWhatComesTooLate) {
  declare_history(5);
  const RouteTarget target = RouteTarget::of(definition());
  const MessageRef late = message("late", {}, true);
  shards_.ask({}, DeleteExchange{"/", "x"});
  shards_[0].publish({late, std::span(&target, 1), true, {}, channel_.ref(), PublishSeq{1}});
  EXPECT_EQ(live_count(), 0U);
  EXPECT_EQ(channel_.verdicts, std::vector<std::uint64_t>{1});
}

// ---- histories -----------------------------------------------------------------------------

TEST_P(StatefulExchangesTest, RememberAsManyAsTheyAreToldTo) {
  declare_history(3);
  for (const char* body : {"1", "2", "3", "4", "5"}) publish(body);
  EXPECT_EQ(live_count(), 3U);
  EXPECT_EQ(exchange().history_count(), 3U);
  bind();
  EXPECT_EQ(bodies(), "3 4 5");
  EXPECT_EQ(live_count(), 3U);
}

// Goal: who comes while a long history is replayed comes behind it.
TEST_P(StatefulExchangesTest, ReplayALongHistoryInPartsAndInOrder) {
  declare_history(100'000);
  constexpr int count = 6'000;
  std::string expected;
  for (int i = 0; i < count; ++i) {
    publish(std::to_string(i), {}, false);
    expected += std::to_string(i) + " ";
  }
  shards_.settle();
  shards_[0].send(ShardId{0}, TopologyRequest{{}, Bind{{"/", "x", true, "q", "", {}}}});
  const auto home = static_cast<std::size_t>(definition().home);
  if (home != 0) shards_.turn(home);
  publish("new", {}, false);
  EXPECT_EQ(bodies(), expected + "new");
}

// ---- chains --------------------------------------------------------------------------------

// Goal: a chain of any length is no recursion of that depth.
TEST_P(StatefulExchangesTest, MayStandInALongChain) {
  constexpr int count = 500;
  for (int i = 0; i < count; ++i) declare_history(1, "x" + std::to_string(i));
  for (int i = 1; i < count; ++i) {
    bind("x" + std::to_string(i), false, "x" + std::to_string(i - 1));
  }
  bind("q", true, "x" + std::to_string(count - 1));
  publish("m", {}, false, "x0");
  EXPECT_EQ(bodies(), "m");
  EXPECT_EQ(channel_.verdicts, std::vector<std::uint64_t>{1});
}

TEST_P(StatefulExchangesTest, GetAMessageOnceWhenTheyStandInACircle) {
  for (const char* name : {"a", "b", "c"}) declare_history(10, name);
  bind("b", false, "a");
  bind("c", false, "b");
  bind("a", false, "c");
  bind("q", true, "a");
  publish("m", {}, true, "b");
  EXPECT_EQ(bodies(), "m");
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(exchange(name).history_count(), 1U) << name;
}

// ---- deduplication -------------------------------------------------------------------------

TEST_P(StatefulExchangesTest, KeepInTheLogWhatTheyHaveSeen) {
  declare_deduplicating(2);
  bind();
  for (const char* value : {"a", "b", "a", "c", "c"}) publish(value, like(value));
  EXPECT_EQ(bodies(), "a b c");
  EXPECT_EQ(exchange().duplicate_count(), 2U);
  EXPECT_EQ(exchange().seen_count(), 2U);
  EXPECT_EQ(live_count(), 2U);
  EXPECT_EQ(channel_.verdicts.size(), 5U);
}

// ---- after a start -------------------------------------------------------------------------

/// What the log of a former process had for the exchange "x".
class RecoveredExchangeTest : public StatefulExchangesTest {
 protected:
  void recover(const MessageRef& message, bool delivered, std::uint64_t published_at_ms) {
    storage::MessageRecord record;
    const std::uint64_t number = definition().durable_number;
    const auto parts = message->log_parts();
    record.queues = std::span(&number, 1);
    record.parts = parts;
    log_.append_message(record, message->log_place());
    log_.submit();
    log_.write_all();
    storage::LiveReference reference;
    reference.place = message->log_place();
    reference.queue = number;
    reference.published_at_ms = published_at_ms;
    reference.delivered = delivered;
    exchange().recover(reference, message);
  }
  /// It is a second past 1970.
  void begin() {
    const auto home = static_cast<std::size_t>(definition().home);
    shards_.start_paging(home, &log_);
    shards_.set_wall_time(WallTime{1000});
  }
};
INSTANTIATE_TEST_SUITE_P(Shards, RecoveredExchangeTest, testing::Values(1, 2));

TEST_P(RecoveredExchangeTest, HoldsBackForTheRestOfTheTime) {
  declare_delaying();
  bind();
  begin();
  recover(message("late", delay(1500), true), true, 0);
  recover(message("due", delay(900), true), true, 0);
  recover(message("fresh", delay(1200), true), false, 0);
  recover(message("at once", {}, true), false, 0);
  EXPECT_EQ(bodies(), "at once due");
  EXPECT_EQ(exchange().delayed_count(), 2U);
  EXPECT_EQ(live_count(), 2U);
  shards_.advance(200ms);
  EXPECT_EQ(bodies(), "fresh");
  shards_.advance(300ms);
  EXPECT_EQ(bodies(), "late");
  EXPECT_EQ(live_count(), 0U);
}

TEST_P(RecoveredExchangeTest, RemembersWhatItDidAndGoesOnWithTheRest) {
  declare_history(5);
  bind();
  begin();
  recover(message("1", {}, true), true, 0);
  recover(message("2", {}, true), true, 0);
  recover(message("3", {}, true), false, 0);
  EXPECT_EQ(bodies(), "3") << "the others have been to the queue";
  const QueueRef late = declare_queue("late", 1'000'002);
  bind("late");
  EXPECT_EQ(bodies(late), "1 2 3");
}

TEST_P(RecoveredExchangeTest, KnowsWhatItHasSeen) {
  declare_deduplicating(10);
  bind();
  begin();
  recover(make_seen_record(deduplication_key(FieldValue::long_string("a")), std::nullopt), false,
          0);
  recover(make_seen_record(deduplication_key(FieldValue::long_string("over")), WallTime{1000}),
          false, 0);
  recover(make_seen_record(deduplication_key(FieldValue::long_string("b")), WallTime{1500}), false,
          0);
  EXPECT_EQ(exchange().seen_count(), 2U);
  recover(message("dropped", like("a"), true), false, 0);
  recover(message("new", like("c"), true), false, 0);
  recover(message("new again", like("c"), true), false, 0);
  publish("over", like("over"));
  publish("b", like("b"));
  EXPECT_EQ(bodies(), "new over");
  shards_.advance(500ms);
  publish("b", like("b"));
  EXPECT_EQ(bodies(), "b");
}

}  // namespace
}  // namespace leveret::broker
