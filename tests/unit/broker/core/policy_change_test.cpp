/// Policies that come and go while queues and exchanges are there, and after a restart.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker/core/effective_settings.hpp"
#include "broker/core/recovery.hpp"
#include "tests/unit/broker/core/kept_log.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

ParameterDefinition policy(const std::string& name, const std::string& pattern,
                           const std::string& definition, int priority = 0,
                           const std::string& component = "policy",
                           const std::string& vhost = "/") {
  return {{vhost, component, name},
          R"({"pattern":")" + pattern + R"(","apply-to":"all","priority":)" +
              std::to_string(priority) + R"(,"definition":)" + definition + "}"};
}

std::string name_of(const std::shared_ptr<const Policy>& policy) {
  return policy == nullptr ? "-" : policy->name();
}

/// "p o 5": the names of both policies of a queue, and its greatest length.
std::string state_of(const QueueDefinition& queue) {
  const MatchedPolicies& matched = matched_policies(queue);
  const auto& length = queue.settings.max_length;
  return name_of(matched.policy) + " " + name_of(matched.operator_policy) + " " +
         (length ? std::to_string(*length) : "any");
}

class PolicyChangeTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  PolicyChangeTest() {
    shards_.ask({}, ReplaceUsers{std::make_shared<const Users>(), {"/"}});
    log_.commit();
    shards_.settle();
    log_.take_lines();
  }

  /// "ok", or the error's text; an ok waits for the log and for every shard.
  std::string change(DefinitionChange change) {
    Listener client(shards_[GetParam() - 1u]);
    client.shard().send(ShardId{0},
                        TopologyRequest{client.ref(), ChangeDefinition{std::move(change)}});
    shards_.settle();
    if (log_.committed() != log_.ticket_of_last_submission()) {
      EXPECT_TRUE(client.decisions.empty()) << "the log does not have it yet";
    }
    log_.commit();
    shards_.settle();
    if (client.decisions.size() != 1) return "no answer";
    const auto& outcome = client.decisions[0].outcome;
    return outcome ? "ok" : outcome.error().explanation();
  }
  std::string put(const ParameterDefinition& parameter) {
    return change(PutParameter{parameter});
  }

  /// What every shard and the queue itself say about the queue.
  std::string state(const std::string& name) {
    const QueueDefinition* first = nullptr;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      Topology& topology = shards_[i].topology();
      const QueueRecord* record = topology.find_queue(*topology.find_vhost("/"), name);
      if (record == nullptr) return "gone";
      if (first == nullptr) first = record->definition.get();
      EXPECT_EQ(record->definition.get(), first) << "all share one definition";
    }
    return state_of(*first);
  }
  std::string alternate_of(const std::string& exchange) {
    Topology& topology = shards_[GetParam() - 1u].topology();
    const auto& definition =
        topology.find_exchange(*topology.find_vhost("/"), exchange)->definition;
    return name_of(definition.policies.policy) + " " +
           definition.alternate_exchange.value_or("none");
  }
  /// How many messages the queue takes before it drops the first ones.
  std::uint64_t room_of(std::size_t home, QueueRef queue) {
    Listener channel(shards_[home]);
    for (int i = 0; i < 9; ++i) {
      shards_[home].send(queue.shard,
                         PublishToQueue{queue, Shards::message("m"), std::nullopt, {}, {}});
    }
    shards_.settle();
    shards_[home].send(queue.shard, InspectQueue{queue, channel.ref()});
    return channel.replies.back().outcome->ready_count;
  }

  KeptLog log_;
  Shards shards_{GetParam(), log_};
};
INSTANTIATE_TEST_SUITE_P(Shards, PolicyChangeTest, testing::Values(1, 2, 3));

TEST_P(PolicyChangeTest, ChangesTheQueuesThatAreThere) {
  const std::size_t home = GetParam() - 1u;
  const QueueRef queue = shards_.declare(home, "q");
  shards_.declare(0, "other");
  const std::uint64_t version = shards_[home].topology().version();
  EXPECT_EQ(put(policy("p", "^q", R"({"max-length":5})")), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"+ parameter 'p' of component 'policy' in vhost '/'"}));
  EXPECT_EQ(state("q"), "p - 5");
  EXPECT_EQ(state("other"), "- - any");
  EXPECT_EQ(room_of(home, queue), 5U);
  EXPECT_GT(shards_[home].topology().version(), version) << "routes are looked up anew";

  EXPECT_EQ(put(policy("o", "^", R"({"max-length":3})", 0, "operator_policy")), "ok");
  EXPECT_EQ(state("q"), "p o 3");
  EXPECT_EQ(state("other"), "- o 3");
  EXPECT_EQ(put(policy("better", "^q", R"({"max-length":2})", 1)), "ok");
  EXPECT_EQ(state("q"), "better o 2");
  EXPECT_EQ(put(policy("better", "^x", R"({"max-length":2})", 1)), "ok");
  EXPECT_EQ(state("q"), "p o 3");
  EXPECT_EQ(change(DeleteParameter{{"/", "operator_policy", "o"}}), "ok");
  EXPECT_EQ(state("q"), "p - 5");
  EXPECT_EQ(change(DeleteParameter{{"/", "policy", "p"}}), "ok");
  EXPECT_EQ(state("q"), "- - any");
  EXPECT_EQ(room_of(home, queue), 2 + 9U);
}

TEST_P(PolicyChangeTest, IsTakenByWhatIsDeclaredLater) {
  EXPECT_EQ(put(policy("p", "", R"({"max-length":5,"alternate-exchange":"a"})")), "ok");
  const std::size_t home = GetParam() - 1u;
  const QueueRef queue = shards_.declare(home, "q");
  EXPECT_EQ(state("q"), "p - 5");
  EXPECT_EQ(room_of(home, queue), 5U);
  shards_.ask({}, DeclareExchange{{"/", "x", ExchangeType::fanout, false, false, false, {}, {}}});
  EXPECT_EQ(alternate_of("x"), "p a");
  EXPECT_EQ(alternate_of("amq.topic"), "p a");
  EXPECT_EQ(alternate_of(""), "p none");
  // Declared again it is the same: policies are nobody's arguments.
  Listener client(shards_[home]);
  shards_.ask(client.ref(),
              DeclareExchange{{"/", "x", ExchangeType::fanout, false, false, false, {}, {}}});
  EXPECT_TRUE(client.decisions.back().outcome.has_value());
  EXPECT_EQ(change(DeleteParameter{{"/", "policy", "p"}}), "ok");
  EXPECT_EQ(alternate_of("x"), "- none");
  EXPECT_EQ(alternate_of("amq.topic"), "- none");
  EXPECT_EQ(alternate_of(""), "- none");
}

// Goal: what is bound by name still is when the definition that has the name is another one.
TEST_P(PolicyChangeTest, LeavesBindingsAsTheyAre) {
  const std::size_t home = GetParam() - 1u;
  const QueueRef queue = shards_.declare(home, "q");
  shards_.ask({}, DeclareExchange{{"/", "x", ExchangeType::direct, false, false, false, {}, {}}});
  shards_.ask({}, Bind{{"/", "x", true, "q", "k", {}}});
  for (const char* definition : {R"({"max-length":5})", R"({"max-length":6})"}) {
    EXPECT_EQ(put(policy("p", "", definition)), "ok");
  }
  EXPECT_EQ(change(DeleteParameter{{"/", "policy", "p"}}), "ok");
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Topology& topology = shards_[i].topology();
    Vhost& vhost = *topology.find_vhost("/");
    protocol::BasicProperties encoded;
    LazyProperties properties(encoded);
    std::vector<RouteTarget> targets;
    const std::vector<std::string_view> key{"k"};
    topology.route(vhost, *topology.find_exchange(vhost, "x"), key, properties, targets);
    ASSERT_EQ(targets.size(), 1U);
    EXPECT_EQ(targets[0].queue, queue);
    targets.clear();
    const std::vector<std::string_view> name{"q"};
    topology.route(vhost, *topology.find_exchange(vhost, ""), name, properties, targets);
    EXPECT_EQ(targets.size(), 1U);
  }
  shards_[0].send(queue.shard, DeleteQueue{queue, {}, false, false});
  shards_.settle();
  EXPECT_EQ(state("q"), "gone");
}

TEST_P(PolicyChangeTest, RefusesWhatIsWrongAndKeepsNothingOfIt) {
  shards_.declare(0, "q");
  EXPECT_EQ(put(policy("p", "", R"({"max-length":5})")), "ok");
  log_.take_lines();
  EXPECT_EQ(put(policy("p", "", R"({"max-length":-1})")),
            "Validation failed\n\n-1 is not a valid maximum length\n");
  EXPECT_EQ(put(policy("o", "", R"({"alternate-exchange":"x"})", 0, "operator_policy")),
            "Validation failed\n\n[{<<\"alternate-exchange\">>,<<\"x\">>}] are not recognised "
            "policy settings\n");
  EXPECT_EQ(change(PutParameter{{{std::nullopt, "policy", "p"}, "{}"}}),
            "a policy belongs to a vhost, not to the node");
  EXPECT_EQ(put(policy("p", "", R"({"max-length":5})", 0, "policy", "v")), "no vhost 'v'");
  EXPECT_EQ(change(DeleteParameter{{"/", "policy", "x"}}),
            "no parameter 'x' of component 'policy' in vhost '/'");
  EXPECT_EQ(log_.take_lines(), Lines{});
  EXPECT_EQ(state("q"), "p - 5");
  EXPECT_EQ(shards_[0].controller().stored().parameters.size(), 1U);
}

// Goal: definitions that are imported at every start do not begin anything anew.
TEST_P(PolicyChangeTest, ChangesNothingWhenItSaysTheSame) {
  const std::size_t home = GetParam() - 1u;
  shards_.declare(home, "q");
  const ParameterDefinition first = policy("p", "", R"({"expires":1000,"queue-mode":"lazy"})");
  EXPECT_EQ(put(first), "ok");
  log_.take_lines();
  shards_.advance(900ms);
  const std::uint64_t version = shards_[home].topology().version();
  EXPECT_EQ(put(first), "ok");
  EXPECT_EQ(log_.take_lines(), Lines{});
  // In other words it is written down, but nothing changes.
  EXPECT_EQ(put(policy("p", "", R"({"queue-mode":"default","expires":1000})")), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"+ parameter 'p' of component 'policy' in vhost '/'"}));
  EXPECT_EQ(shards_[home].topology().version(), version);
  shards_.advance(100ms);
  EXPECT_EQ(state("q"), "gone");
}

TEST_P(PolicyChangeTest, GoesWithItsVhost) {
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  EXPECT_EQ(put(policy("p", "", R"({"max-length":5})", 0, "policy", "v")), "ok");
  EXPECT_EQ(change(DeleteVhost{"v"}), "ok");
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  QueueDefinition definition;
  definition.vhost = "v";
  shards_.declare(0, "q", definition);
  Topology& topology = shards_[0].topology();
  EXPECT_EQ(state_of(*topology.find_queue(*topology.find_vhost("v"), "q")->definition),
            "- - any");
}

// Goal: a queue may end while the news that it is redefined is on the way.
TEST_P(PolicyChangeTest, PassesByAQueueThatHasJustGone) {
  const std::size_t home = GetParam() - 1u;
  const QueueRef queue = shards_.declare(home, "q");
  shards_[home].send(queue.shard, DeleteQueue{queue, {}, false, false});
  shards_[0].send(ShardId{0},
                  TopologyRequest{{}, ChangeDefinition{PutParameter{
                                          policy("p", "", R"({"max-length":5})")}}});
  shards_.settle();
  EXPECT_EQ(state("q"), "gone");
}

// ---- after a restart -----------------------------------------------------------------------

TEST_P(PolicyChangeTest, HoldsAgainAfterARestart) {
  QueueDefinition durable;
  durable.durable = true;
  durable.durable_number = 7;
  durable.arguments.set("x-max-length", protocol::FieldValue::int32(8));
  durable.settings.max_length = 8;
  shards_.declare(7 % GetParam(), "q", durable);
  shards_.ask({}, DeclareExchange{{"/", "x", ExchangeType::fanout, true, false, false, {}, {}}});
  EXPECT_EQ(put(policy("p", "", R"({"max-length":5,"alternate-exchange":"a"})")), "ok");
  EXPECT_EQ(put(policy("o", "^q", R"({"max-length":3})", 0, "operator_policy")), "ok");

  KeptLog log;
  Shards shards(GetParam(), log);
  const std::vector<ShardState*> states = shards.states();
  const auto recovered = recover_topology(log_.kept(), states);
  ASSERT_TRUE(recovered.has_value()) << recovered.error();
  EXPECT_EQ(recovered->repairs, Lines{});
  shards.settle();
  EXPECT_EQ(log.take_lines(), Lines{}) << "what the log has is not written again";
  const QueueDefinition& queue = recovered->queues.at(7)->definition();
  EXPECT_EQ(state_of(queue), "p o 3");
  EXPECT_EQ(queue.policies->declared.max_length, 8U);
  for (ShardState* shard : states) {
    Vhost& vhost = *shard->topology().find_vhost("/");
    EXPECT_EQ(shard->topology().find_queue(vhost, "q")->definition.get(), &queue);
    EXPECT_EQ(shard->topology().find_exchange(vhost, "x")->definition.alternate_exchange, "a");
    EXPECT_EQ(shard->topology().find_exchange(vhost, "amq.topic")->definition.alternate_exchange,
              "a");
  }
  // They are policies as before: they can be taken away.
  shards.ask({}, ChangeDefinition{DeleteParameter{{"/", "policy", "p"}}});
  EXPECT_EQ(state_of(recovered->queues.at(7)->definition()), "- o 3");
}

// Goal: a policy that an older version has taken does not stop the start, and is not lost.
TEST_P(PolicyChangeTest, TellsOfThoseThatCannotBeApplied) {
  KeptDefinitions kept;
  for (const DurableDefinition& one :
       {DurableDefinition{VhostDefinition{"/"}},
        DurableDefinition{policy("bad", "", R"({"max-length":-1})")},
        DurableDefinition{ParameterDefinition{{std::nullopt, "policy", "odd"}, "{}"}},
        DurableDefinition{policy("good", "", R"({"max-length":1})")}}) {
    EncodedDefinition encoded = encode_definition(one);
    kept.emplace(std::move(encoded.key), std::move(encoded.value));
  }
  KeptLog log;
  Shards shards(GetParam(), log);
  const std::vector<ShardState*> states = shards.states();
  const auto recovered = recover_topology(kept, states);
  ASSERT_TRUE(recovered.has_value()) << recovered.error();
  EXPECT_EQ(recovered->repairs,
            (Lines{"the parameter 'odd' of component 'policy' is not applied: it belongs to no "
                   "vhost",
                   "the parameter 'bad' of component 'policy' in vhost '/' is not applied: "
                   "Validation failed -1 is not a valid maximum length"}));
  EXPECT_EQ(shards[0].controller().stored().parameters.size(), 3U);
  EXPECT_EQ(log.take_lines(), Lines{});
}

}  // namespace
}  // namespace leveret::broker
