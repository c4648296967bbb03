/// Users, permissions, virtual hosts and parameters that are made at run time.
#include "broker/core/definition_change.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker/core/parameter_keys.hpp"
#include "tests/unit/broker/core/kept_log.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using Lines = std::vector<std::string>;

User user(const std::string& name, const std::string& password = "secret") {
  return {name, PasswordHash::of(password, HashAlgorithm::sha256), {"management"}};
}

class DefinitionChangeTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  DefinitionChangeTest() {
    configure({}, {"/"});
    log_.take_lines();
  }

  /// What the configuration says: users with all permissions in "/".
  void configure(const std::vector<std::string>& names, std::vector<std::string> vhosts) {
    auto users = std::make_shared<Users>();
    const auto all = [] { return *PermissionPattern::compile(".*"); };
    for (const std::string& name : names) {
      users->add(user(name, "configured"));
      users->set_permissions(name, "/", {all(), all(), all()});
    }
    shards_.ask({}, ReplaceUsers{users, std::move(vhosts)});
    log_.commit();
    shards_.settle();
  }

  /// "ok", or the error's text; an ok waits for the log.
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
    return outcome ? "ok" : outcome.error().reply_text();
  }

  const Users& users() { return shards_[GetParam() - 1u].topology().users(); }
  bool may_log_in(const std::string& name, const std::string& password) {
    const User* found = users().find(name);
    return found != nullptr && found->password_hash.matches(password);
  }
  std::string configure_pattern(const std::string& name, const std::string& vhost) {
    const Permissions* granted = users().find_permissions(name, vhost);
    return granted == nullptr ? "none" : granted->configure.text();
  }
  bool has_vhost(const std::string& name) {
    return shards_[GetParam() - 1u].topology().find_vhost(name) != nullptr;
  }

  KeptLog log_;
  Shards shards_{GetParam(), log_};
};
INSTANTIATE_TEST_SUITE_P(Shards, DefinitionChangeTest, testing::Values(1, 2, 3));

// ---- users ---------------------------------------------------------------------------------

TEST_P(DefinitionChangeTest, MakesChangesAndDeletesUsers) {
  EXPECT_EQ(change(PutUser{user("nova")}), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"+ user 'nova'"}));
  EXPECT_TRUE(may_log_in("nova", "secret"));
  EXPECT_EQ(change(SetPermissions{{"nova", "/", "^c", "^w", "^r"}}), "ok");
  EXPECT_EQ(change(PutUser{user("nova", "new")}), "ok");
  EXPECT_TRUE(may_log_in("nova", "new"));
  EXPECT_EQ(configure_pattern("nova", "/"), "^c") << "a user who was there keeps his permissions";
  EXPECT_EQ(change(SetTopicPermissions{{"nova", "/", "amq.topic", {"^w", "^r"}}}), "ok");
  log_.take_lines();
  EXPECT_EQ(change(DeleteUser{"nova"}), "ok");
  EXPECT_EQ(log_.take_lines(),
            (Lines{"- user 'nova'", "- permissions of user 'nova' in vhost '/'",
                   "- topic permissions of user 'nova' for exchange 'amq.topic' in vhost '/'"}));
  EXPECT_EQ(users().find("nova"), nullptr);
  EXPECT_FALSE(users().may_access_vhost("nova", "/"));
  EXPECT_EQ(change(DeleteUser{"nova"}), "NOT_FOUND - no user 'nova'");
}

TEST_P(DefinitionChangeTest, PutsTheConfigurationBeforeWhatIsStored) {
  EXPECT_EQ(change(PutUser{user("nova")}), "ok");
  EXPECT_EQ(change(AddVhost{"cloud"}), "ok");
  EXPECT_EQ(change(SetPermissions{{"nova", "/", "^stored", "", ""}}), "ok");
  EXPECT_EQ(change(SetPermissions{{"nova", "cloud", "^stored", "", ""}}), "ok");
  log_.take_lines();

  configure({"nova", "cinder"}, {"/"});
  EXPECT_TRUE(may_log_in("nova", "configured"));
  EXPECT_TRUE(may_log_in("cinder", "configured"));
  EXPECT_EQ(configure_pattern("nova", "/"), ".*");
  EXPECT_EQ(configure_pattern("nova", "cloud"), "^stored");
  EXPECT_EQ(log_.take_lines(), Lines{}) << "users of the configuration are not stored";

  const std::string where = " cannot be changed here: the configuration says it";
  EXPECT_EQ(change(PutUser{user("nova")}), "PRECONDITION_FAILED - user 'nova'" + where);
  EXPECT_EQ(change(DeleteUser{"nova"}), "PRECONDITION_FAILED - user 'nova'" + where);
  EXPECT_EQ(change(SetPermissions{{"nova", "/", "", "", ""}}),
            "PRECONDITION_FAILED - permissions of user 'nova' in vhost '/'" + where);
  EXPECT_EQ(change(ClearPermissions{"nova", "/"}),
            "PRECONDITION_FAILED - permissions of user 'nova' in vhost '/'" + where);
  // What the configuration does not say can be given to its users, too.
  EXPECT_EQ(change(SetPermissions{{"cinder", "cloud", "^stored", "", ""}}), "ok");
  EXPECT_EQ(configure_pattern("cinder", "cloud"), "^stored");

  configure({}, {});
  EXPECT_TRUE(may_log_in("nova", "secret"));
  EXPECT_EQ(configure_pattern("nova", "/"), "^stored");
  EXPECT_EQ(users().find("cinder"), nullptr);
  EXPECT_TRUE(has_vhost("cloud") && has_vhost("/"));
}

// ---- queues --------------------------------------------------------------------------------

TEST_P(DefinitionChangeTest, PausesQueuesAndLetsThemGoOn) {
  const std::size_t home = GetParam() - 1u;
  QueueDefinition durable;
  durable.durable = true;
  durable.durable_number = 7;
  shards_.declare(home, "durable", durable);
  shards_.declare(home, "passing");
  log_.take_lines();
  const auto is_paused = [&](const std::string& name) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      Topology& topology = shards_[i].topology();
      if (topology.find_queue(*topology.find_vhost("/"), name)->paused) ++count;
    }
    EXPECT_TRUE(count == 0 || count == shards_.size()) << "all shards know the same";
    return count > 0;
  };
  EXPECT_EQ(change(PauseQueue{"/", "durable", true}), "ok");
  EXPECT_TRUE(is_paused("durable"));
  EXPECT_FALSE(is_paused("passing"));
  EXPECT_EQ(log_.take_lines(), (Lines{"+ queue 'durable' in vhost '/'"}));
  EXPECT_EQ(change(PauseQueue{"/", "durable", true}), "ok");
  EXPECT_EQ(change(PauseQueue{"/", "passing", true}), "ok");
  EXPECT_EQ(log_.take_lines(), Lines{}) << "nothing is new, or nothing is kept";
  EXPECT_TRUE(is_paused("passing"));
  EXPECT_EQ(change(PauseQueue{"/", "durable", false}), "ok");
  EXPECT_FALSE(is_paused("durable"));
  EXPECT_EQ(log_.take_lines(), (Lines{"+ queue 'durable' in vhost '/'"}));
  EXPECT_EQ(change(PauseQueue{"/", "none", true}), "NOT_FOUND - no queue 'none' in vhost '/'");
  EXPECT_EQ(change(PauseQueue{"other", "q", true}), "NOT_FOUND - no vhost 'other'");
}

// Goal: nobody inherits from somebody else of the same name.
TEST_P(DefinitionChangeTest, GivesANewUserNoPermissions) {
  configure({"nova"}, {});
  EXPECT_EQ(change(AddVhost{"cloud"}), "ok");
  EXPECT_EQ(change(SetPermissions{{"nova", "cloud", ".*", ".*", ".*"}}), "ok");
  EXPECT_EQ(change(SetTopicPermissions{{"nova", "cloud", "e", {".*", ".*"}}}), "ok");
  configure({}, {});
  log_.take_lines();
  EXPECT_EQ(change(PutUser{user("nova")}), "ok");
  EXPECT_EQ(log_.take_lines(),
            (Lines{"- permissions of user 'nova' in vhost 'cloud'",
                   "- topic permissions of user 'nova' for exchange 'e' in vhost 'cloud'",
                   "+ user 'nova'"}));
  EXPECT_FALSE(users().may_access_vhost("nova", "cloud"));
}

// ---- permissions ---------------------------------------------------------------------------

TEST_P(DefinitionChangeTest, SetsAndClearsPermissions) {
  EXPECT_EQ(change(SetPermissions{{"nova", "/", "", "", ""}}), "NOT_FOUND - no user 'nova'");
  EXPECT_EQ(change(PutUser{user("nova")}), "ok");
  EXPECT_EQ(change(SetPermissions{{"nova", "v", "", "", ""}}), "NOT_FOUND - no vhost 'v'");
  EXPECT_TRUE(change(SetPermissions{{"nova", "/", "", "(", ""}}).starts_with("PRECONDITION_FAIL"));
  EXPECT_FALSE(users().may_access_vhost("nova", "/"));
  log_.take_lines();
  EXPECT_EQ(change(SetPermissions{{"nova", "/", "^c", "^w", "^r"}}), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"+ permissions of user 'nova' in vhost '/'"}));
  for (const auto& [operation, name] :
       {std::pair(Operation::configure, "c"), {Operation::write, "w"}, {Operation::read, "r"}}) {
    EXPECT_TRUE(users().check_access("nova", "/", operation, ResourceKind::queue, name));
    EXPECT_FALSE(users().check_access("nova", "/", operation, ResourceKind::queue, "other"));
  }
  EXPECT_EQ(change(ClearPermissions{"nova", "/"}), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"- permissions of user 'nova' in vhost '/'"}));
  EXPECT_EQ(change(ClearPermissions{"nova", "/"}), "ok");
  EXPECT_EQ(log_.take_lines(), Lines{});
  EXPECT_FALSE(users().may_access_vhost("nova", "/"));
}

TEST_P(DefinitionChangeTest, SetsAndClearsTopicPermissions) {
  const auto may_write = [&](const std::string& exchange) {
    return users()
        .check_topic_access("nova", "/", Operation::write, exchange, "other")
        .has_value();
  };
  EXPECT_EQ(change(SetTopicPermissions{{"nova", "/", "a", {}}}), "NOT_FOUND - no user 'nova'");
  EXPECT_EQ(change(PutUser{user("nova")}), "ok");
  EXPECT_EQ(change(SetTopicPermissions{{"nova", "v", "a", {}}}), "NOT_FOUND - no vhost 'v'");
  EXPECT_TRUE(change(SetTopicPermissions{{"nova", "/", "a", {"(", ""}}})
                  .starts_with("PRECONDITION_FAILED"));
  for (const char* exchange : {"a", "b", "c"}) {
    EXPECT_TRUE(may_write(exchange));
    EXPECT_EQ(change(SetTopicPermissions{{"nova", "/", exchange, {"^{username}$", "^r"}}}), "ok");
    EXPECT_FALSE(may_write(exchange));
  }
  EXPECT_TRUE(users().check_topic_access("nova", "/", Operation::write, "a", "nova"));
  log_.take_lines();
  EXPECT_EQ(change(ClearTopicPermissions{"nova", "/", "b"}), "ok");
  EXPECT_EQ(log_.take_lines(),
            (Lines{"- topic permissions of user 'nova' for exchange 'b' in vhost '/'"}));
  EXPECT_TRUE(may_write("b"));
  EXPECT_FALSE(may_write("a"));
  EXPECT_EQ(change(ClearTopicPermissions{"nova", "/", std::nullopt}), "ok");
  EXPECT_EQ(log_.take_lines().size(), 2U);
  EXPECT_TRUE(may_write("a") && may_write("c"));
}

// ---- parameters ----------------------------------------------------------------------------

TEST_P(DefinitionChangeTest, KeepsParameters) {
  const ParameterKey limits = vhost_limits_key("/");
  const ParameterKey of_the_node{std::nullopt, "global", "name"};
  EXPECT_EQ(change(PutParameter{{limits, R"({"max-queues":1})"}}), "ok");
  EXPECT_EQ(change(PutParameter{{limits, R"({"max-queues":2})"}}), "ok");
  EXPECT_EQ(change(PutParameter{{of_the_node, "\"n\""}}), "ok");
  const std::string named = "parameter 'limits' of component 'vhost-limits' in vhost '/'";
  EXPECT_EQ(log_.take_lines(), (Lines{"+ " + named, "+ " + named,
                                      "+ parameter 'name' of component 'global'"}));
  const auto& kept = shards_[0].controller().stored().parameters;
  EXPECT_EQ(kept, (std::map<ParameterKey, std::string>{{limits, R"({"max-queues":2})"},
                                                       {of_the_node, "\"n\""}}));
  EXPECT_EQ(change(PutParameter{{vhost_limits_key("v"), ""}}), "NOT_FOUND - no vhost 'v'");
  EXPECT_EQ(change(DeleteParameter{limits}), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"- " + named}));
  EXPECT_EQ(change(DeleteParameter{limits}), "NOT_FOUND - no " + named);
  EXPECT_EQ(kept.size(), 1U);
}

/// Writes down what it is told.
class Follower final : public TopologyObserver {
 public:
  void on_delta(const TopologyDelta& delta) override {
    for (const TopologyChange& change : delta) {
      if (const auto* added = std::get_if<VhostAdded>(&change)) lines.push_back("+" + added->name);
    }
  }
  void on_parameter(const ParameterKey& key, const std::string* json) override {
    lines.push_back(key.name + (json == nullptr ? " gone" : "=" + *json));
  }
  Lines lines;
};

TEST_P(DefinitionChangeTest, TellsWhoFollowsIt) {
  Follower follower;
  shards_[0].controller().add_observer(follower);
  const ParameterKey key{std::nullopt, "global", "p"};
  EXPECT_EQ(change(PutParameter{{key, "1"}}), "ok");
  EXPECT_EQ(change(PutParameter{{key, "1"}}), "ok");  // Says nothing new.
  EXPECT_EQ(change(PutParameter{{key, "2"}}), "ok");
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  EXPECT_EQ(change(DeleteParameter{key}), "ok");
  EXPECT_EQ(follower.lines, (Lines{"p=1", "p=2", "+v", "p gone"}));
}

TEST_P(DefinitionChangeTest, RefusesShovelsAndUpstreamsThatSayTooLittle) {
  EXPECT_EQ(change(PutParameter{{{"/", "federation-upstream", "u"}, "{}"}}),
            "PRECONDITION_FAILED - Validation failed\n\nKey \"uri\" not found in u\n");
  EXPECT_TRUE(change(PutParameter{{{"/", "shovel", "s"}, "{}"}})
                  .starts_with("PRECONDITION_FAILED - Validation failed\n\nMust specify"));
  EXPECT_EQ(change(PutParameter{{{std::nullopt, "shovel", "s"}, "{}"}}),
            "PRECONDITION_FAILED - a shovel belongs to a virtual host");
  EXPECT_EQ(shards_[0].controller().stored().parameters.size(), 0U);
}

TEST_P(DefinitionChangeTest, RefusesParametersThatNobodyLooksAfter) {
  const auto put = [&](ParameterKey key) {
    return change(PutParameter{{std::move(key), R"({"max-queues":1})"}});
  };
  for (const char* component : {"mqtt", "global", "user-limits", "Policy", ""}) {
    EXPECT_EQ(put({"/", component, "p"}),
              "PRECONDITION_FAILED - Validation failed\n\ncomponent " + std::string(component) +
                  " not found\n");
  }
  EXPECT_EQ(put({std::nullopt, "vhost-limits", "limits"}),
            "PRECONDITION_FAILED - Validation failed\n\ncomponent vhost-limits not found\n");
  EXPECT_EQ(put({"/", "vhost-limits", "p"}),
            "PRECONDITION_FAILED - vhost-limits are named 'limits'");
  EXPECT_EQ(shards_[0].controller().stored().parameters.size(), 0U);
}

// ---- virtual hosts -------------------------------------------------------------------------

TEST_P(DefinitionChangeTest, MakesVhosts) {
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  EXPECT_EQ(log_.take_lines(), (Lines{"+ vhost 'v'"}));
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  EXPECT_EQ(log_.take_lines(), Lines{});
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Topology& topology = shards_[i].topology();
    Vhost* vhost = topology.find_vhost("v");
    ASSERT_NE(vhost, nullptr);
    EXPECT_NE(topology.find_exchange(*vhost, "amq.topic"), nullptr);
  }
}

TEST_P(DefinitionChangeTest, DeletesVhostsWithAllThatIsInThem) {
  EXPECT_EQ(change(DeleteVhost{"v"}), "NOT_FOUND - no vhost 'v'");
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  EXPECT_EQ(change(PutUser{user("nova")}), "ok");
  for (const char* vhost : {"v", "/"}) {
    EXPECT_EQ(change(SetPermissions{{"nova", vhost, "", "", ""}}), "ok");
    EXPECT_EQ(change(SetTopicPermissions{{"nova", vhost, "e", {}}}), "ok");
    EXPECT_EQ(change(PutParameter{{vhost_limits_key(vhost), "{}"}}), "ok");
    shards_.ask({},
                DeclareExchange{{vhost, "e", ExchangeType::fanout, true, false, false, {}, {}}});
    for (std::size_t home = 0; home < shards_.size(); ++home) {
      QueueDefinition definition;
      definition.vhost = vhost;
      definition.durable = true;
      definition.durable_number = shards_[home].new_durable_number();
      const std::string name = "q" + std::to_string(home);
      shards_.declare(home, name, definition);
      shards_.ask({}, Bind{{vhost, "e", true, name, "", {}}});
    }
  }
  const KeptDefinitions before = log_.kept();
  log_.take_lines();
  EXPECT_EQ(change(DeleteVhost{"v"}), "ok");
  Lines lines = log_.take_lines();
  EXPECT_EQ(lines.size(), 5 + 2 * shards_.size() + 1);
  EXPECT_EQ(lines.back(), "+ numbers of queues");
  for (const auto& [key, value] : log_.kept()) {
    EXPECT_EQ(describe_definition(*decode_definition(key, value)).find("'v'"), std::string::npos);
  }
  EXPECT_EQ(before.size() - log_.kept().size(), lines.size() - 2);
  EXPECT_FALSE(users().may_access_vhost("nova", "v"));
  EXPECT_TRUE(users().may_access_vhost("nova", "/"));
  EXPECT_EQ(shards_[0].controller().stored().parameters.size(), 1U);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    EXPECT_EQ(shards_[i].topology().find_vhost("v"), nullptr);
    EXPECT_EQ(shards_[i].queue_count(), 1U) << "that of the other vhost";
    EXPECT_EQ(shards_[i].topology().queue_count(), shards_.size());
  }
  // It can be made again, empty.
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  Topology& topology = shards_[0].topology();
  EXPECT_EQ(topology.find_exchange(*topology.find_vhost("v"), "e"), nullptr);
  EXPECT_TRUE(topology.queues_of(*topology.find_vhost("v")).empty());
  EXPECT_FALSE(users().may_access_vhost("nova", "v"));
}

// Goal: consumers hear that their queues have gone, and whoever deletes or declares at the same
// time is answered.
TEST_P(DefinitionChangeTest, DeletesVhostsThatAreInUse) {
  EXPECT_EQ(change(AddVhost{"v"}), "ok");
  ShardState& home = shards_[GetParam() - 1u];
  Listener channel(home);
  QueueDefinition definition;
  definition.vhost = "v";
  const QueueRef queue = shards_.declare(GetParam() - 1u, "q", definition);
  Consumer consumer;
  consumer.channel = channel.ref();
  consumer.key = ConsumerKey{7};
  home.send(queue.shard, AddConsumer{queue, consumer});
  shards_.settle();

  shards_[0].send(ShardId{0}, TopologyRequest{{}, ChangeDefinition{DeleteVhost{"v"}}});
  home.send(queue.shard, DeleteQueue{queue, channel.ref(), false, false});
  definition.name = "late";
  definition.ref = {home.own(), home.reserve_queue()};
  const auto late = std::make_shared<const QueueDefinition>(definition);
  home.open_queue(late);
  home.send(ShardId{0}, TopologyRequest{channel.ref(), DeclareQueue{late}});
  shards_.settle();
  EXPECT_EQ(channel.cancelled, (std::vector{ConsumerKey{7}}));
  EXPECT_EQ(channel.replies.size(), 2U);
  ASSERT_EQ(channel.decisions.size(), 1U);
  EXPECT_EQ(channel.decisions[0].outcome.error().reply_text(), "NOT_FOUND - no vhost 'v'");
  EXPECT_EQ(home.queue_count(), 0U);
}

}  // namespace
}  // namespace leveret::broker
