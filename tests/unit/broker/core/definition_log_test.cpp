/// What the controller writes to the log, and what waits for it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/broker/core/kept_log.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using Lines = std::vector<std::string>;
using protocol::FieldTable;
using protocol::FieldValue;

constexpr bool durable = true;
constexpr bool transient = false;

class DefinitionLogTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  DefinitionLogTest() {
    shards_.ask({}, ReplaceUsers{std::make_shared<const Users>(), {"/"}});
    log_.commit();
    log_.take_lines();
  }

  void ask(TopologyOperation operation) {
    channel_.shard().send(ShardId{0}, TopologyRequest{channel_.ref(), std::move(operation)});
    shards_.settle();
  }
  /// Does something that nobody waits for any more, and forgets the answer.
  void prepare(TopologyOperation operation) {
    ask(std::move(operation));
    commit();
    channel_.decisions.clear();
    log_.take_lines();
  }
  void commit() {
    log_.commit();
    shards_.settle();
  }
  /// Expects that the answer waits for the log, then that it comes.
  void expect_safe_answer() {
    EXPECT_TRUE(channel_.decisions.empty()) << "the log does not have it yet";
    commit();
    ASSERT_EQ(channel_.decisions.size(), 1U);
    EXPECT_TRUE(channel_.decisions[0].outcome.has_value());
    channel_.decisions.clear();
  }
  void expect_answer_at_once() {
    ASSERT_EQ(channel_.decisions.size(), 1U);
    EXPECT_TRUE(channel_.decisions[0].outcome.has_value());
    channel_.decisions.clear();
    EXPECT_EQ(log_.take_lines(), Lines{});
  }

  static DeclareExchange exchange(const std::string& name, bool is_durable = durable,
                                  bool auto_delete = false) {
    return {{"/", name, ExchangeType::fanout, is_durable, auto_delete, false, {}, {}}};
  }
  static BindingDefinition binding(const std::string& source, const std::string& destination,
                                   bool to_queue = true, FieldTable arguments = {}) {
    return {"/", source, to_queue, destination, "k", std::move(arguments)};
  }
  /// Declares a queue on the last shard, without waiting for the log.
  QueueRef declare_queue(const std::string& name, bool is_durable = durable,
                         EndpointRef requester = {}) {
    ShardState& home = shards_[GetParam() - 1u];
    QueueDefinition definition;
    definition.name = name;
    definition.vhost = "/";
    definition.durable = is_durable;
    if (is_durable) definition.durable_number = home.new_durable_number();
    definition.ref = {home.own(), home.reserve_queue()};
    const auto shared = std::make_shared<const QueueDefinition>(definition);
    home.open_queue(shared);
    home.send(ShardId{0}, TopologyRequest{requester, DeclareQueue{shared}});
    shards_.settle();
    return definition.ref;
  }
  QueueRef prepare_queue(const std::string& name, bool is_durable = durable) {
    const QueueRef queue = declare_queue(name, is_durable);
    commit();
    log_.take_lines();
    return queue;
  }
  void delete_queue(QueueRef queue) {
    channel_.shard().send(queue.shard, DeleteQueue{queue, channel_.ref(), false, false});
    shards_.settle();
  }

  KeptLog log_;
  Shards shards_{GetParam(), log_};
  Listener channel_{shards_[GetParam() - 1u]};
};
INSTANTIATE_TEST_SUITE_P(Shards, DefinitionLogTest, testing::Values(1, 2, 3));

// ---- what waits ----------------------------------------------------------------------------

TEST_P(DefinitionLogTest, AnswersWhenDurableThingsAreSafe) {
  ask(exchange("e"));
  EXPECT_EQ(log_.take_lines(), (Lines{"+ exchange 'e' in vhost '/'"}));
  expect_safe_answer();
  declare_queue("q", durable, channel_.ref());
  EXPECT_EQ(log_.take_lines(), (Lines{"+ queue 'q' in vhost '/'"}));
  expect_safe_answer();
  ask(Bind{binding("e", "q")});
  EXPECT_EQ(log_.take_lines(),
            (Lines{"+ binding of queue 'q' with key 'k' to exchange 'e' in vhost '/'"}));
  expect_safe_answer();
  ask(Unbind{binding("e", "q")});
  EXPECT_EQ(log_.take_lines(),
            (Lines{"- binding of queue 'q' with key 'k' to exchange 'e' in vhost '/'"}));
  expect_safe_answer();
  ask(DeleteExchange{"/", "e", false});
  EXPECT_EQ(log_.take_lines(), (Lines{"- exchange 'e' in vhost '/'"}));
  expect_safe_answer();
}

TEST_P(DefinitionLogTest, AnswersDeletionsOfDurableQueuesWhenTheyAreSafe) {
  const QueueRef queue = prepare_queue("q");
  delete_queue(queue);
  EXPECT_EQ(log_.take_lines(), (Lines{"- queue 'q' in vhost '/'", "+ numbers of queues"}));
  EXPECT_TRUE(channel_.replies.empty());
  commit();
  ASSERT_EQ(channel_.replies.size(), 1U);
  EXPECT_TRUE(channel_.replies[0].outcome.has_value());
}

TEST_P(DefinitionLogTest, DoesNotTouchTheLogForWhatIsNotDurable) {
  prepare(exchange("d"));
  prepare_queue("dq");
  ask(exchange("t", transient));
  expect_answer_at_once();
  const QueueRef queue = declare_queue("tq", transient, channel_.ref());
  expect_answer_at_once();
  for (const auto& mixed : {binding("t", "tq"), binding("d", "tq"), binding("t", "dq"),
                            binding("d", "t", false), binding("t", "d", false)}) {
    ask(Bind{mixed});
    expect_answer_at_once();
  }
  ask(Unbind{binding("d", "tq")});
  expect_answer_at_once();
  delete_queue(queue);
  EXPECT_EQ(channel_.replies.size(), 1U);
  ask(DeleteExchange{"/", "t", false});
  expect_answer_at_once();
  EXPECT_EQ(log_.kept().size(), 3U) << "a vhost, an exchange and a queue";
}

// Goal: who declares a reply queue does not wait for a disk that others wait for.
TEST_P(DefinitionLogTest, DoesNotHoldUpAnswersThatNeedNoLog) {
  Listener other(channel_.shard());
  ask(exchange("d"));
  declare_queue("t", transient, other.ref());
  EXPECT_TRUE(channel_.decisions.empty());
  EXPECT_EQ(other.decisions.size(), 1U);
  expect_safe_answer();
}

TEST_P(DefinitionLogTest, AnswersInTheOrderOfCommits) {
  ask(exchange("a"));
  log_.commit();
  ask(exchange("b"));
  ask(exchange("c"));
  ASSERT_EQ(channel_.decisions.size(), 1U) << "only the first is safe";
  commit();
  EXPECT_EQ(channel_.decisions.size(), 3U);
}

// Goal: an answer waits for all shards also when the log was quicker.
TEST_P(DefinitionLogTest, WaitsForShardsAndLog) {
  channel_.shard().send(ShardId{0}, TopologyRequest{channel_.ref(), exchange("e")});
  const auto all_know = [&] {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      Topology& topology = shards_[i].topology();
      if (topology.find_exchange(*topology.find_vhost("/"), "e") == nullptr) return false;
    }
    return true;
  };
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      EXPECT_TRUE(channel_.decisions.empty() || all_know());
      shards_.turn(i);
      log_.commit();
    }
  }
  EXPECT_EQ(channel_.decisions.size(), 1U);
}

TEST_P(DefinitionLogTest, WritesWhatNobodyWaitsFor) {
  shards_.ask({}, exchange("e"));
  const QueueRef queue = declare_queue("q");
  shards_.ask({}, Bind{binding("e", "q")});
  EXPECT_EQ(log_.take_lines().size(), 3U);
  shards_[0].send(queue.shard, DeleteQueue{queue, {}, false, false});
  shards_.settle();
  EXPECT_EQ(log_.take_lines(),
            (Lines{"- queue 'q' in vhost '/'",
                   "- binding of queue 'q' with key 'k' to exchange 'e' in vhost '/'",
                   "+ numbers of queues"}));
}

TEST_P(DefinitionLogTest, AnswersRefusalsAndRepetitionsAtOnce) {
  prepare(exchange("e"));
  ask(exchange("e"));
  expect_answer_at_once();
  ask(DeleteExchange{"/", "missing", false});
  expect_answer_at_once();
  ask(Bind{binding("e", "missing")});
  EXPECT_EQ(channel_.decisions.size(), 1U);
  EXPECT_EQ(log_.take_lines(), Lines{});
}

// Goal: whoever hears that something is there already may rely on it, too.
TEST_P(DefinitionLogTest, AnswersRepetitionsWhenTheFirstIsSafe) {
  prepare(exchange("t", transient));
  prepare_queue("q");
  const auto all_think_it_is_safe = [&] {
    std::size_t count = 0;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (shards_[i].definitions_are_committed()) ++count;
    }
    return count == shards_.size() ? "yes" : count == 0 ? "no" : "some";
  };
  EXPECT_STREQ(all_think_it_is_safe(), "yes");
  shards_.ask({}, exchange("e"));
  shards_.ask({}, Bind{binding("e", "q")});
  EXPECT_STREQ(all_think_it_is_safe(), "no");
  log_.take_lines();
  for (const TopologyOperation& repetition :
       {TopologyOperation(exchange("e")), TopologyOperation(Bind{binding("e", "q")}),
        TopologyOperation(Unbind{binding("e", "missing")}),
        TopologyOperation(DeleteExchange{"/", "missing", false}),
        TopologyOperation(ChangeDefinition{AddVhost{"/"}}),
        TopologyOperation(AwaitDefinitions{})}) {
    Listener client(channel_.shard());
    client.shard().send(ShardId{0}, TopologyRequest{client.ref(), repetition});
    shards_.settle();
    EXPECT_TRUE(client.decisions.empty());
    commit();
    EXPECT_EQ(client.decisions.size(), 1U);
    EXPECT_STREQ(all_think_it_is_safe(), "yes");
    EXPECT_EQ(log_.take_lines(), Lines{});
    shards_.ask({}, Unbind{binding("e", "q")});  // Something else that is not safe yet.
    shards_.ask({}, Bind{binding("e", "q")});
    log_.take_lines();
  }
  ask(exchange("t", transient));
  expect_answer_at_once();
  ask(Bind{binding("e", "missing")});
  EXPECT_EQ(channel_.decisions.size(), 1U) << "a refusal promises nothing";
}

/// Asks for the next exchange when it hears of the last one.
struct Asker final : Endpoint {
  explicit Asker(ShardState& asked) : shard(asked), slot(asked.add_endpoint(*this)) {}
  ~Asker() { shard.remove_endpoint(slot); }
  using Endpoint::receive;
  void receive(TopologyReply&&) override {
    if (++heard_count == 1) ask("second");
  }
  void ask(const std::string& name) {
    shard.send(ShardId{0}, TopologyRequest{shard.endpoint_ref(slot),
                                           DeclareExchange{{"/", name, ExchangeType::fanout,
                                                            durable, false, false, {}, {}}}});
  }
  ShardState& shard;
  Slot slot;
  int heard_count = 0;
};

// Goal: what another shard logs about a thing lies behind the thing itself, so nothing may be
// left for the next turn when mail goes out.
TEST_P(DefinitionLogTest, HasEverythingWhenOtherShardsHear) {
  Asker asker(shards_[0]);
  asker.ask("first");
  shards_.settle();
  log_.commit();
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      shards_.turn(i);
      EXPECT_FALSE(log_.has_unsubmitted());
    }
  }
  EXPECT_EQ(asker.heard_count, 1);
  commit();
  EXPECT_EQ(asker.heard_count, 2);
}

// Goal: nobody wakes a shard for what was committed in its own turn.
TEST_P(DefinitionLogTest, DoesNotSleepWhileAnswersAreReady) {
  log_.commit_at_once(true);
  Asker asker(shards_[0]);
  asker.ask("first");
  shards_.settle();
  EXPECT_EQ(asker.heard_count, 2);
}

// ---- what goes together --------------------------------------------------------------------

TEST_P(DefinitionLogTest, TakesTheBindingsOfAnExchangeAway) {
  for (const char* name : {"a", "b", "c"}) prepare(exchange(name));
  prepare(exchange("t", transient));
  prepare_queue("q");
  prepare_queue("transient", transient);
  for (const auto& bound :
       {binding("a", "b", false), binding("b", "q"), binding("b", "c", false), binding("c", "q"),
        binding("b", "transient"), binding("t", "b", false), binding("b", "b", false)}) {
    prepare(Bind{bound});
  }
  const std::size_t before = log_.kept().size();
  ask(DeleteExchange{"/", "b", false});
  Lines lines = log_.take_lines();
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (Lines{"- binding of exchange 'b' with key 'k' to exchange 'a' in vhost '/'",
                          "- binding of exchange 'b' with key 'k' to exchange 'b' in vhost '/'",
                          "- binding of exchange 'c' with key 'k' to exchange 'b' in vhost '/'",
                          "- binding of queue 'q' with key 'k' to exchange 'b' in vhost '/'",
                          "- exchange 'b' in vhost '/'"}));
  EXPECT_EQ(log_.kept().size(), before - 5);
  expect_safe_answer();
}

TEST_P(DefinitionLogTest, TakesAutoDeleteExchangesWithTheirLastBinding) {
  prepare(exchange("a", durable, true));
  prepare(exchange("b", durable, true));
  const QueueRef queue = prepare_queue("q");
  prepare(Bind{binding("a", "b", false)});
  prepare(Bind{binding("b", "q")});
  delete_queue(queue);
  EXPECT_EQ(log_.take_lines(),
            (Lines{"- queue 'q' in vhost '/'",
                   "- binding of queue 'q' with key 'k' to exchange 'b' in vhost '/'",
                   "+ numbers of queues", "- exchange 'b' in vhost '/'",
                   "- binding of exchange 'b' with key 'k' to exchange 'a' in vhost '/'",
                   "- exchange 'a' in vhost '/'"}));
  EXPECT_EQ(log_.kept().size(), 2U) << "the vhost, and the queues' numbers";
}

TEST_P(DefinitionLogTest, FindsABindingWhateverTheOrderOfItsArguments) {
  FieldTable arguments;
  arguments.set("a", FieldValue::int32(1));
  arguments.set("b", FieldValue::int32(2));
  FieldTable reversed;
  reversed.set("b", FieldValue::int32(2));
  reversed.set("a", FieldValue::int32(1));
  prepare(exchange("e"));
  prepare_queue("q");
  prepare(Bind{binding("e", "q", true, arguments)});
  prepare(Bind{binding("e", "q", true, reversed)});
  const std::size_t before = log_.kept().size();
  ask(Unbind{binding("e", "q", true, reversed)});
  EXPECT_EQ(log_.take_lines().size(), 1U);
  EXPECT_EQ(log_.kept().size(), before - 1);
  expect_safe_answer();
}

TEST_P(DefinitionLogTest, KeepsTheHighestNumberOfAQueueThatIsGone) {
  const QueueRef first = prepare_queue("first");
  const QueueRef second = prepare_queue("second");
  delete_queue(second);
  EXPECT_EQ(log_.take_lines(), (Lines{"- queue 'second' in vhost '/'", "+ numbers of queues"}));
  delete_queue(first);
  EXPECT_EQ(log_.take_lines(), (Lines{"- queue 'first' in vhost '/'"}));
}

TEST_P(DefinitionLogTest, LeavesExchangesThatEveryVhostHasOut) {
  ask(ReplaceUsers{std::make_shared<const Users>(), {"/", "cloud"}});
  EXPECT_EQ(log_.take_lines(), (Lines{"+ vhost 'cloud'"}));
  EXPECT_EQ(log_.kept().size(), 2U);
  expect_safe_answer();
  prepare_queue("q");
  ask(Bind{binding("amq.direct", "q")});
  EXPECT_EQ(log_.take_lines(),
            (Lines{"+ binding of queue 'q' with key 'k' to exchange 'amq.direct' in vhost '/'"}));
}

}  // namespace
}  // namespace leveret::broker
