/// A topology goes into the log and comes back.
#include "broker/core/recovery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/broker/core/kept_log.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using Lines = std::vector<std::string>;
using protocol::FieldTable;
using protocol::FieldValue;

QueueDefinition queue_of(const std::string& name, std::uint64_t number,
                         FieldTable arguments = {}) {
  QueueDefinition queue;
  queue.vhost = "/";
  queue.name = name;
  queue.durable = true;
  queue.durable_number = number;
  queue.arguments = std::move(arguments);
  return queue;
}

KeptDefinitions kept(const std::vector<DurableDefinition>& definitions) {
  KeptDefinitions kept;
  for (const DurableDefinition& definition : definitions) {
    EncodedDefinition encoded = encode_definition(definition);
    kept.insert_or_assign(std::move(encoded.key), std::move(encoded.value));
  }
  return kept;
}

/// Shards that begin with what a log kept.
struct Restarted {
  Restarted(const KeptDefinitions& definitions, std::uint16_t shard_count)
      : shards(shard_count, log), states(shards.states()),
        recovered(recover_topology(definitions, states)) {}

  Lines repairs() const { return recovered ? recovered->repairs : Lines{recovered.error()}; }

  KeptLog log;
  Shards shards;
  std::vector<ShardState*> states;
  Result<RecoveredTopology, std::string> recovered;
};

class RecoveryTest : public testing::TestWithParam<std::uint16_t> {};
INSTANTIATE_TEST_SUITE_P(Shards, RecoveryTest, testing::Values(1, 2, 3));

TEST_P(RecoveryTest, KeepsQueuesPaused) {
  QueueDefinition paused = queue_of("paused", 3);
  paused.paused = true;
  Restarted broker(kept({VhostDefinition{"/"}, paused, queue_of("q", 4)}), GetParam());
  EXPECT_EQ(broker.repairs(), Lines{});
  EXPECT_TRUE(broker.recovered->queues.at(3)->paused());
  EXPECT_FALSE(broker.recovered->queues.at(4)->paused());
  Topology& topology = broker.states[0]->topology();
  EXPECT_TRUE(topology.find_queue(*topology.find_vhost("/"), "paused")->paused);
  // And lets them go on, for good.
  broker.shards.ask({}, ChangeDefinition{PauseQueue{"/", "paused", false}});
  EXPECT_FALSE(broker.recovered->queues.at(3)->paused());
  Restarted again(broker.log.kept(), GetParam());
  EXPECT_FALSE(again.recovered->queues.at(3)->paused());
}

TEST_P(RecoveryTest, OpensQueuesOnTheShardsOfTheirNumbers) {
  FieldTable arguments;
  arguments.set("x-message-ttl", FieldValue::int32(5000));
  std::vector<DurableDefinition> definitions{VhostDefinition{"/"}};
  for (const std::uint64_t number : {3, 4, 8, 11}) {
    definitions.push_back(queue_of("q" + std::to_string(number), number, arguments));
  }
  Restarted broker(kept(definitions), GetParam());
  EXPECT_EQ(broker.repairs(), Lines{});
  ASSERT_EQ(broker.recovered->queues.size(), 4U);
  for (const auto& [number, queue] : broker.recovered->queues) {
    const QueueDefinition& definition = queue->definition();
    EXPECT_EQ(definition.durable_number, number);
    EXPECT_EQ(definition.ref.shard, ShardId{static_cast<std::uint16_t>(number % GetParam())});
    EXPECT_EQ(definition.settings.message_ttl_ms, 5000U);
    EXPECT_TRUE(broker.states[number % GetParam()]->has_queue(definition.ref));
    for (ShardState* shard : broker.states) {
      Topology& topology = shard->topology();
      const QueueRecord* record =
          topology.find_queue(*topology.find_vhost("/"), "q" + std::to_string(number));
      ASSERT_NE(record, nullptr);
      EXPECT_EQ(record->definition.get(), &definition);
    }
  }
  for (ShardState* shard : broker.states) {
    EXPECT_GT(shard->new_durable_number(), 11U) << "no number is given twice";
  }
  broker.shards.settle();
  EXPECT_EQ(broker.log.take_lines(), Lines{}) << "what the log has is not written again";
}

TEST_P(RecoveryTest, NeverGivesTheNumberOfAQueueThatIsGone) {
  Restarted broker(kept({VhostDefinition{"/"}, queue_of("q", 3), QueueNumbersDefinition{9}}),
                   GetParam());
  for (ShardState* shard : broker.states) EXPECT_GT(shard->new_durable_number(), 9U);
  // And the log keeps that: a lower number is not worth a word.
  const QueueRef queue = broker.recovered->queues.at(3)->definition().ref;
  broker.shards[0].send(queue.shard, DeleteQueue{queue, {}, false, false});
  broker.shards.settle();
  EXPECT_EQ(broker.log.take_lines(), Lines{});
  EXPECT_EQ(broker.shards[0].topology().queue_count(), 0U);
}

TEST_P(RecoveryTest, OpensExchangesThatKeepSomething) {
  FieldTable arguments;
  arguments.set("x-delayed-type", FieldValue::long_string("topic"));
  ExchangeDefinition exchange{
      "/", "x", ExchangeType::delayed_message, true, false, false, {}, arguments};
  exchange.durable_number = 12;
  Restarted broker(kept({VhostDefinition{"/"}, exchange}), GetParam());
  ASSERT_EQ(broker.repairs(), Lines{});
  const ExchangeDefinition& opened = broker.recovered->exchanges.at(12)->definition();
  for (ShardState* shard : broker.states) {
    Topology& topology = shard->topology();
    const ExchangeRecord* record = topology.find_exchange(*topology.find_vhost("/"), "x");
    ASSERT_NE(record, nullptr);
    EXPECT_TRUE(record->definition.keeps_something());
    EXPECT_EQ(record->definition.home, opened.home);
    EXPECT_EQ(record->definition.state_id, opened.state_id);
    EXPECT_EQ(record->index.type(), ExchangeType::topic);
    EXPECT_GT(shard->new_durable_number(), 12U);
  }
  broker.shards.settle();
  EXPECT_EQ(broker.log.take_lines(), Lines{});
  broker.shards.ask({}, DeleteExchange{"/", "x"});
  EXPECT_EQ(broker.log.take_lines(), Lines{"+ numbers of queues"}) << "12 is not given again";
}

TEST_P(RecoveryTest, RefusesAQueueWithTheNumberOfAnExchange) {
  ExchangeDefinition exchange{"/", "x", ExchangeType::recent_history, true, false, false, {}, {}};
  exchange.durable_number = 12;
  const Restarted broker(kept({VhostDefinition{"/"}, exchange, queue_of("q", 12)}), GetParam());
  EXPECT_EQ(broker.repairs(), Lines{"the definition of queue 'q' in vhost '/' is not accepted: it "
                                    "has the number 12, as has an exchange"});
}

TEST_P(RecoveryTest, GivesUsersAndParametersBack) {
  FieldTable alternate;
  alternate.set("alternate-exchange", FieldValue::long_string("other"));
  Restarted broker(
      kept({VhostDefinition{"/"}, User{"nova", PasswordHash::of("p", HashAlgorithm::sha512), {"t"}},
            PermissionDefinition{"nova", "/", "^c", "", ""},
            PermissionDefinition{"configured", "/", "^s", "", ""},
            TopicPermissionDefinition{"nova", "/", "e", {"^w", ""}},
            ExchangeDefinition{"/", "e", ExchangeType::topic, true, true, true, {}, alternate},
            ParameterDefinition{{"/", "mqtt", "p"}, "{}"}}),
      GetParam());
  EXPECT_EQ(broker.repairs(), Lines{});
  for (ShardState* shard : broker.states) {
    const Users& users = shard->topology().users();
    ASSERT_NE(users.find("nova"), nullptr);
    EXPECT_TRUE(users.find("nova")->password_hash.matches("p"));
    EXPECT_TRUE(users.find("nova")->has_tag("t"));
    EXPECT_EQ(users.find_permissions("nova", "/")->configure.text(), "^c");
    EXPECT_FALSE(users.check_topic_access("nova", "/", Operation::write, "e", "x"));
    Vhost* vhost = shard->topology().find_vhost("/");
    EXPECT_NE(shard->topology().find_exchange(*vhost, "amq.topic"), nullptr);
    const ExchangeDefinition& exchange = shard->topology().find_exchange(*vhost, "e")->definition;
    EXPECT_EQ(exchange.type, ExchangeType::topic);
    EXPECT_TRUE(exchange.durable && exchange.auto_delete && exchange.internal);
    EXPECT_EQ(exchange.alternate_exchange, "other");
  }
  EXPECT_EQ(broker.shards[0].controller().stored().parameters.size(), 1U);

  auto configured = std::make_shared<Users>();
  configured->add({"configured", {}, {}});
  broker.shards.ask({}, ReplaceUsers{configured, {"/"}});
  const Users& users = broker.shards[GetParam() - 1u].topology().users();
  EXPECT_NE(users.find("nova"), nullptr);
  EXPECT_NE(users.find("configured"), nullptr);
  EXPECT_TRUE(users.may_access_vhost("configured", "/"));
  EXPECT_EQ(broker.log.take_lines(), Lines{});
}

// ---- what does not fit ---------------------------------------------------------------------

TEST_P(RecoveryTest, DropsWhatDoesNotFit) {
  const auto exchange = [](const char* name) {
    return ExchangeDefinition{"/", name, ExchangeType::fanout, true, false, false, {}, {}};
  };
  const KeptDefinitions definitions = kept(
      {VhostDefinition{"/"}, exchange("e"), exchange("amq.topic"), queue_of("q", 1),
       BindingDefinition{"/", "e", true, "q", "", {}},
       BindingDefinition{"/", "e", true, "r", "", {}},
       BindingDefinition{"/", "f", true, "q", "", {}},
       BindingDefinition{"/", "e", false, "f", "", {}}});
  Restarted broker(definitions, GetParam());
  Lines repairs = broker.repairs();
  EXPECT_EQ(repairs,
            (Lines{"the definition of exchange 'amq.topic' in vhost '/' is dropped: every vhost "
                   "has an exchange of that name from the start",
                   "the definition of binding of queue 'r' with key '' to exchange 'e' in vhost "
                   "'/' is dropped: there is no such queue",
                   "the definition of binding of exchange 'f' with key '' to exchange 'e' in "
                   "vhost '/' is dropped: there is no such exchange to bind",
                   "the definition of binding of queue 'q' with key '' to exchange 'f' in vhost "
                   "'/' is dropped: there is no such exchange"}));
  for (ShardState* shard : broker.states) {
    EXPECT_TRUE(shard->topology().has_binding({"/", "e", true, "q", "", {}}));
    EXPECT_FALSE(shard->topology().has_binding({"/", "e", true, "r", "", {}}));
  }
}

// Goal: what is dropped does not come to life when its missing part is made anew.
TEST_P(RecoveryTest, TellsTheLogWhatIsDropped) {
  KeptLog log;
  const KeptDefinitions definitions =
      kept({VhostDefinition{"/"}, queue_of("q", 1),
            BindingDefinition{"/", "e", true, "q", "", {}}});
  for (const auto& [key, value] : definitions) log.define(key, value);
  log.take_lines();
  Shards shards(GetParam(), log);
  const std::vector<ShardState*> states = shards.states();
  const auto recovered = recover_topology(definitions, states);
  ASSERT_TRUE(recovered.has_value());
  EXPECT_EQ(recovered->repairs.size(), 1U);
  shards.settle();
  EXPECT_EQ(log.take_lines(),
            (Lines{"- binding of queue 'q' with key '' to exchange 'e' in vhost '/'"}));
  Restarted again(log.kept(), GetParam());
  EXPECT_EQ(again.repairs(), Lines{});
}

// Goal: messages are not lost for want of a name.
TEST_P(RecoveryTest, MakesAVhostAgainThatIsMissing) {
  const auto queue = [](const char* vhost, std::uint64_t number) {
    QueueDefinition definition = queue_of("q", number);
    definition.vhost = vhost;
    return definition;
  };
  Restarted broker(kept({PermissionDefinition{"u", "a", "", "", ""}, queue("a", 1), queue("b", 2),
                         ParameterDefinition{{"c", "mqtt", "p"}, "{}"},
                         ParameterDefinition{{std::nullopt, "mqtt", "p"}, "{}"}}),
                   GetParam());
  EXPECT_EQ(broker.repairs(),
            (Lines{"the definition of vhost 'a' is missing: it is made again for permissions of "
                   "user 'u' in vhost 'a'",
                   "the definition of vhost 'b' is missing: it is made again for queue 'q' in "
                   "vhost 'b'",
                   "the definition of vhost 'c' is missing: it is made again for parameter 'p' of "
                   "component 'mqtt' in vhost 'c'"}));
  EXPECT_EQ(broker.recovered->queues.size(), 2U);
  EXPECT_EQ(broker.log.take_lines(), (Lines{"+ vhost 'a'", "+ vhost 'b'", "+ vhost 'c'"}));
}

TEST_P(RecoveryTest, RefusesWhatCannotBeTaken) {
  const auto error_of = [](const DurableDefinition& definition) {
    Restarted broker(kept({VhostDefinition{"/"}, queue_of("a", 7), definition}), GetParam());
    return broker.recovered ? "taken" : broker.recovered.error();
  };
  FieldTable arguments;
  arguments.set("x-message-ttl", FieldValue::int32(-1));
  EXPECT_EQ(error_of(queue_of("q", 1, arguments)),
            "the definition of queue 'q' in vhost '/' is not accepted: invalid arg "
            "'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}");
  EXPECT_EQ(error_of(queue_of("q", 7)),
            "the definition of queue 'q' in vhost '/' is not accepted: it has the number 7, as "
            "has queue 'a' in vhost '/'");
  arguments.set("alternate-exchange", FieldValue::int32(1));
  EXPECT_TRUE(error_of(ExchangeDefinition{"/", "e", ExchangeType::fanout, true, false, false, {},
                                          arguments})
                  .starts_with("the definition of exchange 'e' in vhost '/' is not accepted: "));
  arguments.set("x-match", FieldValue::int32(1));
  EXPECT_TRUE(error_of(BindingDefinition{"/", "amq.headers", true, "a", "", arguments})
                  .starts_with("the definition of binding of queue 'a' with key '' to exchange "
                               "'amq.headers' in vhost '/' is not accepted: "));
  EXPECT_TRUE(error_of(PermissionDefinition{"u", "/", "(", "", ""})
                  .starts_with("the definition of permissions of user 'u' in vhost '/' is not "));
  EXPECT_TRUE(error_of(TopicPermissionDefinition{"u", "/", "e", {"", "("}})
                  .starts_with("the definition of topic permissions of user 'u' for exchange 'e' "
                               "in vhost '/' is not accepted: "));
  KeptDefinitions unreadable = kept({VhostDefinition{"/"}});
  unreadable.insert({"\x7f", ""});
  EXPECT_EQ(Restarted(unreadable, GetParam()).repairs(),
            (Lines{"the definition with the key 7f: it is of kind 127, which this version does "
                   "not know"}));
}

// ---- random topologies ---------------------------------------------------------------------

const std::vector<std::string> vhost_names{"/", "v", ""};
const std::vector<std::string> names{"a", "b", "c", "d", "a\n'b", "amq.fanout", "amq.topic"};
const std::vector<std::string> user_names{"u", "w"};

FieldTable arguments_of(std::uint64_t choice) {
  FieldTable arguments;
  if ((choice & 1) != 0) arguments.set("alternate-exchange", FieldValue::long_string("a"));
  if ((choice & 2) != 0) arguments.set("x-message-ttl", FieldValue::int64(10));
  if ((choice & 4) != 0) arguments.set("x", FieldValue::float32(1.5F));
  return arguments;
}

/// Everything durable of a shard's topology, a line each, sorted.
Lines durable_lines(Topology& topology) {
  Lines lines;
  const auto text = [](const DurableDefinition& definition) {
    const EncodedDefinition encoded = encode_definition(definition);
    return describe_definition(definition) + " " + encoded.key + " " + encoded.value;
  };
  for (const std::string& vhost_name : vhost_names) {
    Vhost* vhost = topology.find_vhost(vhost_name);
    if (vhost == nullptr) continue;
    lines.push_back("vhost " + vhost_name);
    const auto add_bindings = [&](BindingDefinition binding,
                                  const std::vector<IncomingBinding>& incoming) {
      for (const IncomingBinding& one : incoming) {
        const ExchangeDefinition& source = topology.exchange_at(one.source).definition;
        if (!source.durable) continue;
        binding.source = source.name;
        binding.routing_key = one.routing_key;
        binding.arguments = one.arguments;
        lines.push_back(text(binding));
      }
    };
    for (const auto& [name, slot] : vhost->exchanges) {
      const ExchangeRecord& record = topology.exchange_at(slot);
      if (!record.definition.durable) continue;
      lines.push_back(text(record.definition) + " " +
                      record.definition.alternate_exchange.value_or("none"));
      add_bindings({vhost_name, {}, false, std::string(name), {}, {}}, record.incoming);
    }
    for (const QueueDefinitionRef& queue : topology.queues_of(*vhost)) {
      if (!queue->durable) continue;
      lines.push_back(text(*queue) + " " +
                      std::to_string(queue->settings.message_ttl_ms.value_or(0)));
      add_bindings({vhost_name, {}, true, queue->name, {}, {}},
                   topology.find_queue(*vhost, queue->name)->incoming);
    }
    for (const std::string& user : user_names) {
      const Permissions* granted = topology.users().find_permissions(user, vhost_name);
      if (granted != nullptr) {
        lines.push_back(text(PermissionDefinition{user, vhost_name, granted->configure.text(),
                                                  granted->write.text(), granted->read.text()}));
      }
      for (const std::string& exchange : names) {
        if (!topology.users().has_topic_permissions(user, vhost_name, exchange)) continue;
        lines.push_back("topic permissions " + user + " " + vhost_name + " " + exchange);
      }
    }
  }
  for (const std::string& user : user_names) {
    if (const User* found = topology.users().find(user)) lines.push_back(text(*found));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// An operator and many clients who cannot make up their minds.
class RandomChanges {
 public:
  RandomChanges(Shards& shards, std::uint64_t seed) : shards_(shards), random_(seed) {}

  void make_one() {
    switch (below(12)) {
      case 0:
      case 1: return declare_queue();
      case 2:
      case 3:
        return ask(DeclareExchange{{vhost(), "x" + name(), static_cast<ExchangeType>(below(3)),
                                    chance(), chance(), chance(), std::nullopt, {}}});
      case 4:
      case 5: return ask(Bind{binding()});
      case 6: return ask(Unbind{binding()});
      case 7: return delete_queue();
      case 8: return one_in(3) ? ask(DeleteExchange{vhost(), "x" + name(), chance()}) : void();
      default: return ask(ChangeDefinition{definition_change()});
    }
  }

 private:
  std::uint64_t below(std::uint64_t count) { return random_() % count; }
  bool one_in(std::uint64_t count) { return below(count) == 0; }
  bool chance() { return one_in(2); }
  std::string vhost() { return vhost_names[below(vhost_names.size())]; }
  std::string name() { return names[below(5)]; }
  std::string user() { return user_names[below(user_names.size())]; }
  void ask(TopologyOperation operation) { shards_.ask({}, std::move(operation)); }

  BindingDefinition binding() {
    std::string source = one_in(4) ? "amq.topic" : "x" + name();
    const bool to_queue = chance();
    std::string destination = to_queue ? name() : "x" + name();
    return {vhost(), std::move(source), to_queue, std::move(destination), name(),
            arguments_of(below(4))};
  }

  void declare_queue() {
    QueueDefinition queue;
    queue.vhost = vhost();
    queue.auto_delete = chance();
    queue.durable = chance();
    queue.arguments = arguments_of(below(8));
    const std::size_t home = below(shards_.size());
    if (queue.durable) queue.durable_number = shards_[home].new_durable_number();
    auto settings = parse_queue_arguments("q", "v", {true, false, queue.auto_delete},
                                          queue.arguments);
    queue.settings = settings.value();
    shards_.declare(home, name(), queue);
  }

  void delete_queue() {
    Topology& topology = shards_[0].topology();
    Vhost* found = topology.find_vhost(vhost());
    const QueueRecord* record = found == nullptr ? nullptr : topology.find_queue(*found, name());
    if (record == nullptr) return;
    const QueueRef queue = record->definition->ref;
    shards_[0].send(queue.shard, DeleteQueue{queue, {}, false, false});
    shards_.settle();
  }

  DefinitionChange definition_change() {
    switch (below(10)) {
      case 0: return PutUser{{user(), PasswordHash::of("p", HashAlgorithm::md5), {name()}}};
      case 1: return DeleteUser{user()};
      case 2: return SetPermissions{{user(), vhost(), name(), "", ".*"}};
      case 3: return ClearPermissions{user(), vhost()};
      case 4: return SetTopicPermissions{{user(), vhost(), names[below(7)], {name(), ""}}};
      case 5:
        return ClearTopicPermissions{user(), vhost(),
                                     chance() ? std::optional(name()) : std::nullopt};
      case 6: return PutParameter{{parameter(), policy()}};
      case 7: return DeleteParameter{parameter()};
      case 8: return AddVhost{vhost()};
      default: return one_in(5) ? DefinitionChange(DeleteVhost{vhost()}) : AddVhost{vhost()};
    }
  }

  ParameterKey parameter() {
    if (one_in(4)) return {std::nullopt, "global", name()};
    return {vhost(), chance() ? "policy" : "operator_policy", name()};
  }

  /// One that says when messages expire, as durable_lines() shows.
  std::string policy() {
    return R"({"pattern":")" + names[below(4)] + R"(","priority":)" + std::to_string(below(3)) +
           R"(,"definition":{"message-ttl":)" + std::to_string(1 + below(10'000)) + "}}";
  }

  Shards& shards_;
  std::mt19937_64 random_;
};

// Goal: whatever has been done, a restart finds what was durable, all of it and nothing else,
// whatever the number of shards is then.
TEST_P(RecoveryTest, FindsARandomTopologyAgain) {
  const auto first_seed = static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
  std::printf("seeds %llu and the next 30\n", static_cast<unsigned long long>(first_seed));
  std::size_t line_count = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + 30 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    KeptDefinitions kept;
    Lines expected;
    std::map<ParameterKey, std::string> parameters;
    // The second life begins with what the first one left.
    for (int life = 0; life < 3; ++life) {
      KeptLog log;
      for (const auto& [key, value] : kept) log.define(key, value);
      log.submit();
      log.commit_at_once(true);
      Shards shards(static_cast<std::uint16_t>(1 + (GetParam() + life) % 3), log);
      const std::vector<ShardState*> states = shards.states();
      log.take_lines();
      const auto recovered = recover_topology(kept, states);
      ASSERT_TRUE(recovered.has_value()) << recovered.error();
      EXPECT_EQ(recovered->repairs, Lines{});
      shards.settle();
      EXPECT_EQ(log.take_lines(), Lines{});
      for (ShardState* shard : states) EXPECT_EQ(durable_lines(shard->topology()), expected);
      EXPECT_EQ(shards[0].controller().stored().parameters, parameters);

      RandomChanges changes(shards, seed * 3 + static_cast<std::uint64_t>(life));
      for (int i = 0; i < 300; ++i) changes.make_one();
      expected = durable_lines(shards[0].topology());
      parameters = shards[0].controller().stored().parameters;
      kept = log.kept();
      line_count += expected.size();
    }
  }
  EXPECT_GT(line_count, 30U * 3 * 20) << "the topologies were too small to mean anything";
}

}  // namespace
}  // namespace leveret::broker
