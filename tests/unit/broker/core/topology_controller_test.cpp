#include "broker/core/topology_controller.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

ExchangeDefinition exchange(const std::string& name, ExchangeType type = ExchangeType::fanout,
                            bool auto_delete = false) {
  return {"/", name, type, false, auto_delete, false, {}, {}};
}

BindingDefinition binding(const std::string& source, const std::string& destination,
                          bool to_queue = true) {
  return {"/", source, to_queue, destination, "", {}};
}

class ControllerTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  /// What shard 0 decides, asked by a channel of the last shard: "ok" or the error's text.
  std::string decide(TopologyOperation operation) {
    const std::size_t before = channel_.decisions.size();
    ShardState& shard = channel_.shard();
    shard.send(ShardId{0}, TopologyRequest{channel_.ref(), std::move(operation)});
    shards_.settle();
    if (channel_.decisions.size() != before + 1) return "no answer";
    const auto& outcome = channel_.decisions.back().outcome;
    return outcome ? "ok" : outcome.error().reply_text();
  }
  bool has_exchange(std::size_t shard, const std::string& name) {
    Topology& topology = shards_[shard].topology();
    return topology.find_exchange(*topology.find_vhost("/"), name) != nullptr;
  }
  bool all_have(const std::string& name) {
    for (std::size_t i = 0; i < GetParam(); ++i) {
      if (!has_exchange(i, name)) return false;
    }
    return true;
  }

  Shards shards_{GetParam()};
  Listener channel_{shards_[GetParam() - 1u]};
};
INSTANTIATE_TEST_SUITE_P(Shards, ControllerTest, testing::Values(1, 2, 3));

// Goal: after the -ok every client sees the change, on whichever shard.
TEST_P(ControllerTest, AnswersWhenEveryShardKnows) {
  channel_.shard().send(ShardId{0},
                        TopologyRequest{channel_.ref(), DeclareExchange{exchange("e")}});
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < GetParam(); ++i) {
      EXPECT_TRUE(channel_.decisions.empty() || all_have("e")) << "answered too early";
      shards_.turn(i);
    }
  }
  EXPECT_EQ(channel_.decisions.size(), 1U);
  EXPECT_TRUE(all_have("e"));
}

TEST_P(ControllerTest, AnswersInTheOrderOfTheQuestions) {
  ShardState& shard = channel_.shard();
  shard.send(ShardId{0}, TopologyRequest{channel_.ref(), DeclareExchange{exchange("e")}});
  shard.send(ShardId{0}, TopologyRequest{channel_.ref(), Bind{binding("e", "missing")}});
  shard.send(ShardId{0}, TopologyRequest{channel_.ref(), DeclareExchange{exchange("f")}});
  shards_.settle();
  EXPECT_EQ(channel_.decisions.size(), 3U);
  EXPECT_TRUE(all_have("e") && all_have("f"));
}

TEST_P(ControllerTest, PredeclaresExchanges) {
  for (const char* name : {"", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic",
                           "amq.rabbitmq.trace"}) {
    EXPECT_TRUE(all_have(name)) << name;
  }
}

TEST_P(ControllerTest, DeclaresAnExchangeOnce) {
  EXPECT_EQ(decide(DeclareExchange{exchange("e")}), "ok");
  const std::uint64_t version = shards_[0].topology().version();
  EXPECT_EQ(decide(DeclareExchange{exchange("e")}), "ok");
  EXPECT_EQ(shards_[0].topology().version(), version);
  EXPECT_EQ(decide(DeclareExchange{exchange("e", ExchangeType::topic)}),
            "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received "
            "'topic' but current is 'fanout'");
}

// Goal: of two who declare the same queue at once, one has it, and the other's place is given back.
TEST_P(ControllerTest, GivesANameToWhoeverCameFirst) {
  const QueueRef first = shards_.declare(0, "q");
  ShardState& home = channel_.shard();
  const std::size_t before = home.queue_count();
  QueueDefinition second;
  second.name = "q";
  second.vhost = "/";
  second.ref = {home.own(), home.reserve_queue()};
  const auto shared = std::make_shared<const QueueDefinition>(second);
  home.open_queue(shared);
  EXPECT_EQ(decide(DeclareQueue{shared}), "ok");
  EXPECT_EQ(*channel_.decisions.back().outcome, first);
  EXPECT_EQ(channel_.decisions.back().reserved, second.ref);
  EXPECT_EQ(home.queue_count(), before);
}

TEST_P(ControllerTest, KeepsTheLimitOfQueues) {
  NodeLimits limits;
  limits.queues = 1;
  shards_[0].controller().set_limits(limits);
  const QueueRef queue = shards_.declare(0, "q");
  QueueDefinition second;
  second.name = "r";
  second.vhost = "/";
  EXPECT_EQ(decide(DeclareQueue{std::make_shared<const QueueDefinition>(second)}),
            "PRECONDITION_FAILED - cannot declare queue 'r': queue limit in cluster (1) is "
            "reached");
  shards_[0].send(queue.shard, DeleteQueue{queue, {}, false, false});
  shards_.settle();
  EXPECT_EQ(decide(DeclareQueue{std::make_shared<const QueueDefinition>(second)}), "ok");
}

TEST_P(ControllerTest, BindsWhatExists) {
  EXPECT_EQ(decide(Bind{binding("e", "q")}), "NOT_FOUND - no exchange 'e' in vhost '/'");
  decide(DeclareExchange{exchange("e")});
  EXPECT_EQ(decide(Bind{binding("e", "q")}), "NOT_FOUND - no queue 'q' in vhost '/'");
  EXPECT_EQ(decide(Bind{binding("e", "f", false)}), "NOT_FOUND - no exchange 'f' in vhost '/'");
  shards_.declare(0, "q");
  EXPECT_EQ(decide(Bind{binding("e", "q")}), "ok");
  EXPECT_EQ(decide(Bind{binding("e", "q")}), "ok");
  for (std::size_t i = 0; i < GetParam(); ++i) {
    EXPECT_TRUE(shards_[i].topology().has_binding(binding("e", "q")));
  }
  EXPECT_EQ(decide(Unbind{binding("e", "q")}), "ok");
  EXPECT_EQ(decide(Unbind{binding("e", "q")}), "ok");
  EXPECT_FALSE(shards_[GetParam() - 1u].topology().has_binding(binding("e", "q")));
}

TEST_P(ControllerTest, DeletesAnExchange) {
  decide(DeclareExchange{exchange("e")});
  shards_.declare(0, "q");
  decide(Bind{binding("e", "q")});
  EXPECT_EQ(decide(DeleteExchange{"/", "e", true}),
            "PRECONDITION_FAILED - exchange 'e' in vhost '/' in use");
  EXPECT_EQ(decide(DeleteExchange{"/", "e", false}), "ok");
  EXPECT_EQ(decide(DeleteExchange{"/", "e", true}), "ok");
  EXPECT_FALSE(has_exchange(GetParam() - 1u, "e"));
}

// Goal: one delta takes everything away that goes together, also in a circle.
TEST_P(ControllerTest, TakesAutoDeleteExchangesWithTheirLastBinding) {
  for (const char* name : {"a", "b", "c"}) {
    decide(DeclareExchange{exchange(name, ExchangeType::fanout, true)});
  }
  const QueueRef queue = shards_.declare(0, "q");
  decide(Bind{binding("a", "b", false)});
  decide(Bind{binding("b", "c", false)});
  decide(Bind{binding("c", "q")});
  shards_[0].send(queue.shard, DeleteQueue{queue, {}, false, false});
  shards_.settle();
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_FALSE(has_exchange(GetParam() - 1u, name)) << name;
  }

  decide(DeclareExchange{exchange("loop", ExchangeType::fanout, true)});
  decide(Bind{binding("loop", "loop", false)});
  EXPECT_EQ(decide(Unbind{binding("loop", "loop", false)}), "ok");
  EXPECT_FALSE(has_exchange(0, "loop"));
  decide(DeclareExchange{exchange("x", ExchangeType::fanout, true)});
  decide(DeclareExchange{exchange("y", ExchangeType::fanout, true)});
  decide(Bind{binding("x", "y", false)});
  decide(Bind{binding("y", "x", false)});
  EXPECT_EQ(decide(DeleteExchange{"/", "x", false}), "ok");
  EXPECT_FALSE(has_exchange(0, "x"));
  EXPECT_FALSE(has_exchange(0, "y"));
}

TEST_P(ControllerTest, DeletesAnExchangeBoundToItself) {
  decide(DeclareExchange{exchange("loop", ExchangeType::fanout, true)});
  decide(Bind{binding("loop", "loop", false)});
  EXPECT_EQ(decide(DeleteExchange{"/", "loop", false}), "ok");
  EXPECT_FALSE(has_exchange(GetParam() - 1u, "loop"));
}

TEST_P(ControllerTest, CountsConnections) {
  NodeLimits limits;
  limits.connections = 2;
  limits.connections_per_user = 1;
  TopologyController& controller = shards_[0].controller();
  controller.set_limits(limits);
  EXPECT_EQ(decide(AdmitConnection{"a", "/"}), "ok");
  EXPECT_EQ(decide(AdmitConnection{"a", "/"}),
            "NOT_ALLOWED - connection refused for user 'a': user connection limit (1) is reached");
  EXPECT_EQ(decide(AdmitConnection{"b", "/"}), "ok");
  EXPECT_EQ(decide(AdmitConnection{"c", "/"}),
            "NOT_ALLOWED - connection refused: node connection limit (2) is reached");
  EXPECT_EQ(controller.connection_count(), 2U);
  shards_.ask({}, ReleaseConnection{"a", "/"});
  EXPECT_EQ(decide(AdmitConnection{"a", "/"}), "ok");
}

TEST_P(ControllerTest, ReplacesUsersEverywhere) {
  auto users = std::make_shared<Users>();
  users->add({"nova", {}, {}});
  EXPECT_EQ(decide(ReplaceUsers{users, {"/", "cloud"}}), "ok");
  for (std::size_t i = 0; i < GetParam(); ++i) {
    EXPECT_NE(shards_[i].topology().users().find("nova"), nullptr);
    EXPECT_NE(shards_[i].topology().find_vhost("cloud"), nullptr);
  }
}

}  // namespace
}  // namespace leveret::broker
