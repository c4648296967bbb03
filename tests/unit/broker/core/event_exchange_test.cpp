#include "broker/core/event_exchange.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/basic_properties.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using protocol::FieldTable;

/// The queue "events" gets all events of a node with several shards; the last one has a client.
class EventExchangeTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  EventExchangeTest() {
    for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i].events().set_vhost("/");
    shards_.ask({}, ReplaceUsers{std::make_shared<const Users>(), {"/"}, "/"});
    events_ = shards_.declare(GetParam() - 1u, "events");
    shards_.ask({}, Bind{{"/", std::string(EventExchange::name), true, "events", "#", {}}});
    take();
  }

  /// Routing keys of the events since the last call; `headers_` are those of the last one.
  std::vector<std::string> take() {
    std::vector<std::string> keys;
    shards_.settle();
    for (;;) {
      client_.shard().send(events_.shard, GetFromQueue{events_, client_.ref(), true});
      shards_.settle();
      const GetReply reply = std::move(client_.gets.back());
      client_.gets.clear();
      if (!reply.entry) return keys;
      const Message& message = *reply.entry->message;
      keys.emplace_back(message.routing_key());
      EXPECT_EQ(message.body_size(), 0U);
      const auto properties = protocol::BasicProperties::decode(message.properties());
      headers_ = *properties->headers->decode();
    }
  }
  std::string_view fact(const char* name) const {
    const auto* value = headers_.find(name);
    return value == nullptr ? "none" : value->as_string().value_or("no text");
  }
  void ask(TopologyOperation operation, const std::string& user = "nova") {
    client_.shard().send(ShardId{0}, TopologyRequest{client_.ref(), std::move(operation), user});
    shards_.settle();
  }

  Shards shards_{GetParam()};
  Listener client_{shards_[GetParam() - 1u]};
  QueueRef events_;
  FieldTable headers_;
};
INSTANTIATE_TEST_SUITE_P(Shards, EventExchangeTest, testing::Values(1, 2));

using Keys = std::vector<std::string>;

TEST_P(EventExchangeTest, TellsWhatComesAndGoes) {
  ask(DeclareExchange{{"/", "e", ExchangeType::topic, false, false, false, {}, {}}});
  EXPECT_EQ(take(), Keys{"exchange.created"});
  EXPECT_EQ(fact("name"), "e");
  EXPECT_EQ(fact("type"), "topic");
  EXPECT_EQ(fact("user_who_performed_action"), "nova");
  ask(Bind{{"/", "e", true, "events", "k", {}}});
  EXPECT_EQ(take(), Keys{"binding.created"});
  EXPECT_EQ(fact("destination_name"), "events");
  EXPECT_EQ(fact("routing_key"), "k");
  ask(DeleteExchange{"/", "e"});
  EXPECT_EQ(take(), (Keys{"binding.deleted", "exchange.deleted"}));
  ask(ChangeDefinition{AddVhost{"v"}});
  EXPECT_EQ(take(), Keys{"vhost.created"});
  ask(ChangeDefinition{DeleteVhost{"v"}});
  EXPECT_EQ(take(), Keys{"vhost.deleted"});
}

// Goal: a binding that goes along is told of once, whichever of its ends goes first.
TEST_P(EventExchangeTest, TellsOfBindingsThatGoAlong) {
  DeclareExchange inner{{"/", "inner", ExchangeType::fanout, false, true, false, {}, {}}};
  const QueueRef queue = shards_.declare(0, "q");
  ask(inner);
  ask(Bind{{"/", "amq.topic", false, "inner", "k", {}}});
  ask(Bind{{"/", "inner", true, "q", "k", {}}});
  take();
  client_.shard().send(queue.shard, DeleteQueue{queue, client_.ref()});  // And with it "inner".
  EXPECT_EQ(take(), (Keys{"binding.deleted", "queue.deleted", "binding.deleted",
                          "exchange.deleted"}));
  EXPECT_EQ(fact("name"), "inner");
}

// Goal: it is said who wanted a queue gone, wherever the queue is; nobody is the broker itself.
TEST_P(EventExchangeTest, TellsWhoDeletedAQueue) {
  for (const std::string user : {"nova", ""}) {
    const QueueRef queue = shards_.declare(0, "q");
    EXPECT_EQ(take(), Keys{"queue.created"});
    client_.shard().send(queue.shard, DeleteQueue{queue, client_.ref(), false, false, user});
    EXPECT_EQ(take(), Keys{"queue.deleted"});
    EXPECT_EQ(fact("name"), "q");
    EXPECT_EQ(fact("user_who_performed_action"), user.empty() ? "rmq-internal" : user);
  }
}

TEST_P(EventExchangeTest, NamesConnectionsAndChannels) {
  EventExchange& events = client_.shard().events();
  events.set_node("leveret@host", 41);
  EXPECT_EQ(events.process_id(ConnectionId{7}), "<leveret@host.41.7.0>");
  EXPECT_EQ(events.process_id(ConnectionId{7}, 2), "<leveret@host.41.7.2>");
}

TEST_P(EventExchangeTest, TellsOfUsersAndParameters) {
  ask(ChangeDefinition{PutUser{{"u", {}, {}}}});
  ask(ChangeDefinition{SetPermissions{{"u", "/", "c", "w", "r"}}});
  EXPECT_EQ(take(), (Keys{"user.created", "permission.created"}));
  EXPECT_EQ(fact("write"), "w");
  const char* policy = R"({"pattern":"^ev","priority":0,"definition":{"max-length":9}})";
  ask(ChangeDefinition{PutParameter{{{"/", "policy", "p"}, policy}}});
  EXPECT_EQ(take(), (Keys{"queue.policy.updated", "policy.set"}));
  EXPECT_EQ(fact("name"), "p");
  ask(ChangeDefinition{DeleteParameter{{"/", "policy", "p"}}});
  EXPECT_EQ(take(), (Keys{"queue.policy.cleared", "policy.cleared"}));
  ask(ChangeDefinition{DeleteUser{"u"}});
  EXPECT_EQ(take(), Keys{"user.deleted"});
}

TEST_P(EventExchangeTest, TellsNothingThatWasRefused) {
  ask(ChangeDefinition{DeleteUser{"nobody"}});
  ask(ChangeDefinition{PutParameter{{{"/", "policy", "p"}, "{}"}}});
  EXPECT_EQ(take(), Keys{});
}

TEST_P(EventExchangeTest, TellsOfAlarmsOnce) {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].dispatch(ResourceAlarm{.memory = true, .disk = false});
  }
  EXPECT_EQ(take(), Keys{"alarm.set"});
  EXPECT_EQ(fact("source"), "memory");
  for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i].dispatch(ResourceAlarm{});
  EXPECT_EQ(take(), Keys{"alarm.cleared"});
}

TEST_P(EventExchangeTest, IsSilentWhenSwitchedOff) {
  for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i].events().set_vhost("");
  ask(ChangeDefinition{AddVhost{"v"}});
  EXPECT_EQ(take(), Keys{});
}

}  // namespace
}  // namespace leveret::broker
