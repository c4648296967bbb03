#include "broker/core/topology.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;

class TopologyTest : public testing::Test {
 protected:
  TopologyTest() {
    topology_.apply({VhostAdded{"/"}});
    exchange("", ExchangeType::direct);
  }

  void exchange(const std::string& name, ExchangeType type = ExchangeType::fanout,
                std::optional<std::string> alternate = std::nullopt, bool auto_delete = false) {
    ExchangeDefinition definition{"/", name, type, false, auto_delete, false, alternate, {}};
    topology_.apply({ExchangeAdded{definition}});
  }
  void queue(const std::string& name, bool durable = false) {
    auto definition = std::make_shared<QueueDefinition>();
    definition->name = name;
    definition->vhost = "/";
    definition->durable = durable;
    definition->durable_number = durable ? 1 : 0;
    definition->ref.slot = {++last_slot_, 1};
    names_.push_back(name);
    topology_.apply({QueueAdded{definition}});
  }
  static BindingDefinition binding(const std::string& source, const std::string& destination,
                                   const std::string& key = "", bool to_queue = true) {
    return {"/", source, to_queue, destination, key, {}};
  }
  void bind(const std::string& source, const std::string& destination, const std::string& key = "",
            bool to_queue = true) {
    topology_.apply({BindingAdded{binding(source, destination, key, to_queue)}});
  }

  /// Names of the queues reached, sorted, a star where durable.
  std::string route(const std::string& exchange_name, std::vector<std::string_view> keys = {""}) {
    std::vector<RouteTarget> targets;
    const protocol::BasicProperties properties;
    LazyProperties lazy_properties(properties);
    keys_decided_ = topology_.route(vhost(), *topology_.find_exchange(vhost(), exchange_name),
                                    keys, lazy_properties, targets);
    std::vector<std::string> reached;
    for (const RouteTarget& target : targets) {
      const bool durable = target.durable_number != 0;
      reached.push_back(names_[target.queue.slot.index - 1] + (durable ? "*" : ""));
    }
    std::sort(reached.begin(), reached.end());
    std::string text;
    for (const std::string& name : reached) text += (text.empty() ? "" : " ") + name;
    return text;
  }
  Vhost& vhost() { return *topology_.find_vhost("/"); }
  std::uint64_t bindings_of(const std::string& name) {
    return topology_.find_exchange(vhost(), name)->binding_count;
  }

  Topology topology_;
  std::vector<std::string> names_;
  std::uint32_t last_slot_ = 0;
  bool keys_decided_ = false;
};

TEST_F(TopologyTest, FindsWhatWasAdded) {
  EXPECT_EQ(topology_.find_vhost("other"), nullptr);
  EXPECT_EQ(topology_.find_exchange(vhost(), "e"), nullptr);
  exchange("e");
  queue("q");
  EXPECT_EQ(topology_.find_exchange(vhost(), "e")->definition.name, "e");
  EXPECT_EQ(topology_.find_queue(vhost(), "q")->definition->name, "q");
  EXPECT_EQ(topology_.queue_count(), 1U);
  topology_.apply({QueueRemoved{"/", "q"}, ExchangeRemoved{"/", "e"}});
  EXPECT_EQ(topology_.find_exchange(vhost(), "e"), nullptr);
  EXPECT_EQ(topology_.find_queue(vhost(), "q"), nullptr);
  EXPECT_EQ(topology_.queue_count(), 0U);
}

// Goal: who tells of each message or consumer does not look through all queues.
TEST_F(TopologyTest, FindsAQueueByItsReference) {
  queue("q");
  queue("r");
  const QueueRef ref = topology_.find_queue(vhost(), "r")->definition->ref;
  ASSERT_NE(topology_.find_queue(ref), nullptr);
  EXPECT_EQ(topology_.find_queue(ref)->definition->name, "r");
  EXPECT_EQ(topology_.find_queue(QueueRef{ref.shard, {ref.slot.index, 2}}), nullptr);
  EXPECT_EQ(topology_.find_queue(QueueRef{ref.shard, {ref.slot.index + 1, 1}}), nullptr);
  EXPECT_EQ(topology_.find_queue(QueueRef{ShardId{7}, ref.slot}), nullptr);
  topology_.apply({QueueRemoved{"/", "r"}});
  EXPECT_EQ(topology_.find_queue(ref), nullptr);
  queue("another");  // In the place of the one that has gone.
  EXPECT_EQ(topology_.find_queue(ref), nullptr);
}

TEST_F(TopologyTest, TakesAVhostAwayWithAllThatIsInIt) {
  exchange("e");
  queue("q");
  bind("e", "q");
  topology_.apply({VhostAdded{"v"}});
  const auto in_v = [](const std::string& name) {
    auto definition = std::make_shared<QueueDefinition>();
    definition->vhost = "v";
    definition->name = name;
    return definition;
  };
  topology_.apply(
      {ExchangeAdded{{"v", "e", ExchangeType::fanout, false, false, false, {}, {}}},
       ExchangeAdded{{"v", "f", ExchangeType::topic, false, false, false, {}, {}}},
       QueueAdded{in_v("q")}, QueueAdded{in_v("r")}, BindingAdded{{"v", "e", true, "q", "", {}}},
       BindingAdded{{"v", "e", false, "f", "", {}}}, BindingAdded{{"v", "f", true, "r", "#", {}}}});
  EXPECT_EQ(topology_.queues_of(*topology_.find_vhost("v")).size(), 2U);
  EXPECT_EQ(topology_.queue_count(), 3U);

  topology_.apply({VhostRemoved{"v"}});
  EXPECT_EQ(topology_.find_vhost("v"), nullptr);
  EXPECT_EQ(topology_.queue_count(), 1U);
  EXPECT_EQ(route("e"), "q");
  // What comes next finds room where the others were.
  topology_.apply({VhostAdded{"v"}});
  EXPECT_EQ(topology_.find_queue(*topology_.find_vhost("v"), "q"), nullptr);
  exchange("x");
  exchange("y");
  queue("r");
  bind("x", "y", "", false);
  bind("y", "r");
  EXPECT_EQ(route("x"), "r");
  EXPECT_EQ(route("e"), "q");
}

// Goal: whatever was computed before a change is known to be old after it.
TEST_F(TopologyTest, TellsAllBindingsOfAnExchange) {
  exchange("x");
  exchange("y");
  queue("a");
  queue("b");
  bind("x", "a", "1");
  bind("x", "a", "2");
  bind("x", "y", "3", false);
  bind("y", "b", "4");
  std::vector<std::string> found;
  for (const auto& one : topology_.bindings_from(vhost(), *topology_.find_exchange(vhost(), "x"))) {
    EXPECT_EQ(one.source, "x");
    found.push_back((one.to_queue ? "queue " : "exchange ") + one.destination + " " +
                    one.routing_key);
  }
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<std::string>{"exchange y 3", "queue a 1", "queue a 2"}));
  ASSERT_EQ(topology_.vhosts().size(), 1U);
  EXPECT_EQ(topology_.vhosts()[0]->name, "/");
}

TEST_F(TopologyTest, HasAnotherVersionAfterEachChange) {
  std::uint64_t before = topology_.version();
  const std::vector<TopologyDelta> deltas{
      {VhostAdded{"x"}},
      {UsersReplaced{std::make_shared<const Users>()}},
      {ExchangeAdded{{"/", "e", ExchangeType::fanout, false, false, false, {}, {}}}},
      {ExchangeRemoved{"/", "e"}}};
  for (const TopologyDelta& delta : deltas) {
    topology_.apply(delta);
    EXPECT_GT(topology_.version(), before);
    before = topology_.version();
  }
}

TEST_F(TopologyTest, RoutesTheDefaultExchangeByQueueNames) {
  queue("q", true);
  queue("r");
  EXPECT_EQ(route("", {"q"}), "q*");
  EXPECT_EQ(route("", {"q", "r", "q", "none"}), "q* r");
  EXPECT_EQ(route("", {""}), "");
}

TEST_F(TopologyTest, GivesEachQueueOnce) {
  exchange("e");
  exchange("f");
  queue("q");
  bind("e", "q", "a");
  bind("e", "q", "b");
  bind("e", "f", "", false);
  bind("f", "q");
  EXPECT_EQ(route("e"), "q");
  EXPECT_EQ(route("e"), "q");  // What was visited before does not count.
}

TEST_F(TopologyTest, GoesAroundACircleOnce) {
  exchange("e");
  exchange("f");
  queue("q");
  queue("r");
  bind("e", "f", "", false);
  bind("f", "e", "", false);
  bind("e", "e", "", false);
  bind("e", "q");
  bind("f", "r");
  EXPECT_EQ(route("e"), "q r");
  EXPECT_EQ(route("f"), "q r");
}

TEST_F(TopologyTest, AsksAlternatesOneAfterTheOther) {
  exchange("third");
  exchange("second", ExchangeType::direct, "third");
  exchange("first", ExchangeType::direct, "second");
  queue("q");
  queue("r");
  bind("second", "q", "k");
  bind("third", "r");
  EXPECT_EQ(route("first", {"k"}), "q");
  EXPECT_EQ(route("first", {"other"}), "r");
  topology_.apply({ExchangeRemoved{"/", "third"}});
  EXPECT_EQ(route("first", {"other"}), "");
  exchange("itself", ExchangeType::direct, "itself");
  EXPECT_EQ(route("itself", {"k"}), "");
}

// Goal: a slot that is used again does not inherit anything.
TEST_F(TopologyTest, LeavesNothingBehindADeletedQueueOrExchange) {
  exchange("e");
  exchange("f");
  queue("q");
  bind("e", "q");
  bind("e", "f", "", false);
  bind("f", "q");
  topology_.apply({QueueRemoved{"/", "q"}});
  EXPECT_EQ(bindings_of("e"), 1U);
  EXPECT_EQ(bindings_of("f"), 0U);
  queue("next");
  EXPECT_EQ(route("e"), "");
  bind("f", "next");
  topology_.apply({ExchangeRemoved{"/", "f"}});
  EXPECT_EQ(bindings_of("e"), 0U);
  exchange("g");
  EXPECT_EQ(route("g"), "");
  EXPECT_EQ(route("e"), "");
  EXPECT_FALSE(topology_.has_binding(binding("f", "next")));
  topology_.apply({QueueRemoved{"/", "next"}});
  EXPECT_EQ(topology_.queue_count(), 0U);
}

TEST_F(TopologyTest, KnowsABindingByAllOfIt) {
  exchange("e");
  queue("q");
  bind("e", "q", "k");
  EXPECT_TRUE(topology_.has_binding(binding("e", "q", "k")));
  EXPECT_FALSE(topology_.has_binding(binding("e", "q", "l")));
  EXPECT_FALSE(topology_.has_binding(binding("e", "q", "k", false)));
  EXPECT_FALSE(topology_.has_binding(binding("none", "q", "k")));
  EXPECT_FALSE(topology_.has_binding(binding("e", "none", "k")));
  BindingDefinition with_arguments = binding("e", "q", "k");
  with_arguments.arguments.set("x", protocol::FieldValue::int32(1));
  EXPECT_FALSE(topology_.has_binding(with_arguments));
  topology_.apply({BindingRemoved{binding("e", "q", "k")}});
  EXPECT_FALSE(topology_.has_binding(binding("e", "q", "k")));
  EXPECT_EQ(bindings_of("e"), 0U);
  EXPECT_EQ(route("e"), "");
}

// Goal: a route is taken for the next message's only when nothing but keys decided, on all its way.
TEST_F(TopologyTest, SaysWhetherKeysAloneDecided) {
  exchange("fanout");
  exchange("random", ExchangeType::random);
  exchange("headers", ExchangeType::headers);
  exchange("hash", ExchangeType::consistent_hash, "random");
  queue("q");
  bind("fanout", "q");
  EXPECT_EQ(route("fanout"), "q");
  EXPECT_TRUE(keys_decided_);
  for (const char* source : {"random", "headers"}) {
    EXPECT_EQ(route(source), "");
    EXPECT_FALSE(keys_decided_);
  }
  route("hash");  // By way of its alternate exchange.
  EXPECT_FALSE(keys_decided_);
  bind("hash", "q", "1");
  EXPECT_EQ(route("hash"), "q");
  EXPECT_TRUE(keys_decided_);
  bind("fanout", "random", "", false);
  EXPECT_EQ(route("fanout"), "q");
  EXPECT_FALSE(keys_decided_);
  EXPECT_EQ(route("", {"q"}), "q");
  EXPECT_TRUE(keys_decided_);
}

// Goal: one destination for a message, whatever its keys in CC say; it may be an exchange; and none
// is what the alternate exchange is for.
TEST_F(TopologyTest, ChoosesOneDestinationForAMessage) {
  exchange("rest");
  queue("lost");
  bind("rest", "lost");
  queue("q");
  queue("r");
  exchange("behind");
  bind("behind", "r");
  for (const auto type : {ExchangeType::consistent_hash, ExchangeType::random,
                          ExchangeType::modulus_hash}) {
    const std::string name(exchange_type_name(type));
    exchange(name, type, "rest");
    EXPECT_EQ(route(name, {"a", "b", "c"}), "lost");
    bind(name, "q", "1");
    bind(name, "behind", "1", false);
    std::string all;
    for (int i = 0; i < 64; ++i) {
      const std::string key = std::to_string(i);
      const std::string found = route(name, {key, "cc", "another"});
      EXPECT_TRUE(found == "q" || found == "r") << name << ": " << found;
      all += found;
      EXPECT_TRUE(!keys_decided_ || route(name, {key}) == found);
    }
    EXPECT_NE(all.find('q'), std::string::npos);
    EXPECT_NE(all.find('r'), std::string::npos);
    topology_.apply({ExchangeRemoved{"/", name}});
  }
}

// Goal: a hash means the same on a topology that was made in another order, as after a restart.
TEST_F(TopologyTest, ChoosesByNamesAlone) {
  const std::vector<std::string> queues{"a", "b", "c", "d", "e"};
  for (const auto type : {ExchangeType::consistent_hash, ExchangeType::modulus_hash}) {
    const std::string name(exchange_type_name(type));
    const auto routes = [&] {
      std::string found;
      for (int i = 0; i < 50; ++i) found += route(name, {std::to_string(i)});
      return found;
    };
    exchange(name, type);
    for (const std::string& one : queues) queue(one);
    for (const std::string& one : queues) bind(name, one, "3");
    const std::string before = routes();
    topology_.apply({ExchangeRemoved{"/", name}});
    for (const std::string& one : queues) topology_.apply({QueueRemoved{"/", one}});
    exchange(name, type);
    for (auto one = queues.rbegin(); one != queues.rend(); ++one) {
      queue(*one);
      bind(name, *one, "3");
    }
    EXPECT_EQ(routes(), before) << name;
    for (const std::string& one : queues) topology_.apply({QueueRemoved{"/", one}});
    EXPECT_EQ(bindings_of(name), 0U);
  }
}

TEST(LazyProperties, DecodeHeadersWhenAskedFor) {
  protocol::BasicProperties properties;
  EXPECT_EQ(LazyProperties(properties).headers(), nullptr);
  const std::array<std::byte, 3> broken{std::byte{200}, std::byte{1}, std::byte{2}};
  properties.headers = protocol::TableView{broken};
  LazyProperties unreadable(properties);
  EXPECT_EQ(unreadable.headers(), nullptr);
  EXPECT_EQ(unreadable.headers(), nullptr);
  properties.headers = protocol::TableView{};
  LazyProperties empty(properties);
  ASSERT_NE(empty.headers(), nullptr);
  EXPECT_TRUE(empty.headers()->empty());
}

}  // namespace
}  // namespace leveret::broker
