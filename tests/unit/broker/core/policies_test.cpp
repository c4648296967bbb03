/// Which policy is for what, and what becomes of the settings of a queue.
#include "broker/core/policies.hpp"

#include <gtest/gtest.h>

#include <string>

#include "broker/core/effective_settings.hpp"

namespace leveret::broker {
namespace {

Policy policy(const std::string& name, const std::string& pattern, const std::string& definition,
              int priority = 0, PolicyKind kind = PolicyKind::user) {
  auto parsed = Policy::parse(kind, name,
                              R"({"pattern":")" + pattern + R"(","priority":)" +
                                  std::to_string(priority) + R"(,"definition":)" + definition +
                                  "}");
  EXPECT_TRUE(parsed.has_value()) << parsed.error().explanation();
  return std::move(*parsed);
}

const std::string limited = R"({"max-length":1})";

std::string name_of(const PolicyRef& policy) { return policy == nullptr ? "-" : policy->name(); }

/// The names of both policies of a classic queue.
std::string names_for(const Policies& policies, const std::string& queue,
                      QueueType type = QueueType::classic) {
  const MatchedPolicies matched = policies.match_queue("/", queue, type);
  return name_of(matched.policy) + " " + name_of(matched.operator_policy);
}

// ---- matching ------------------------------------------------------------------------------

TEST(Policies, MatchTheHighestPriorityThenTheFirstByName) {
  Policies policies;
  policies.put("/", PolicyKind::user, policy("b", "^q", limited, 5));
  EXPECT_EQ(names_for(policies, "q"), "b -");
  policies.put("/", PolicyKind::user, policy("c", "^q", limited, 5));
  EXPECT_EQ(names_for(policies, "q"), "b -");
  policies.put("/", PolicyKind::user, policy("a", "^q", limited, 5));
  EXPECT_EQ(names_for(policies, "q"), "a -");
  policies.put("/", PolicyKind::user, policy("z", "^q", limited, 6));
  EXPECT_EQ(names_for(policies, "q"), "z -");
  policies.put("/", PolicyKind::operators, policy("o", "", limited, -1, PolicyKind::operators));
  EXPECT_EQ(names_for(policies, "q"), "z o");
  EXPECT_EQ(names_for(policies, "other"), "- o");
  // One that is put anew takes another place.
  EXPECT_TRUE(policies.put("/", PolicyKind::user, policy("z", "^q", limited, 4)));
  EXPECT_EQ(names_for(policies, "q"), "a o");
  EXPECT_FALSE(policies.put("/", PolicyKind::user, policy("z", "^q", limited, 4)));
  EXPECT_TRUE(policies.remove("/", PolicyKind::user, "a"));
  EXPECT_FALSE(policies.remove("/", PolicyKind::user, "a"));
  EXPECT_FALSE(policies.remove("/", PolicyKind::user, "o"));
  EXPECT_EQ(names_for(policies, "q"), "b o");
}

// Goal: as in RabbitMQ, a policy is not for a queue that has not all that it says.
TEST(Policies, PassOverThoseThatSayWhatTheQueueDoesNotHave) {
  Policies policies;
  policies.put("/", PolicyKind::user,
               policy("p", "^q", R"({"max-length":5,"delivery-limit":3})", 10));
  policies.put("/", PolicyKind::user, policy("q", "^q", limited, 1));
  EXPECT_EQ(names_for(policies, "q", QueueType::classic), "q -");
  EXPECT_EQ(names_for(policies, "q", QueueType::quorum), "p -");
  EXPECT_EQ(names_for(policies, "q", QueueType::stream), "- -");
  EXPECT_EQ(name_of(policies.match_exchange("/", "q").policy), "p");
}

TEST(Policies, BelongToTheirVhosts) {
  Policies policies;
  EXPECT_TRUE(policies.empty());
  policies.put("/", PolicyKind::user, policy("p", "", limited));
  policies.put("v", PolicyKind::operators, policy("o", "", limited, 0, PolicyKind::operators));
  EXPECT_EQ(policies.vhosts(), (std::vector<std::string>{"/", "v"}));
  EXPECT_EQ(names_for(policies, "q"), "p -");
  EXPECT_EQ(name_of(policies.match_queue("v", "q", QueueType::classic).operator_policy), "o");
  EXPECT_TRUE(policies.match_queue("w", "q", QueueType::classic).empty());
  policies.remove_vhost("/");
  EXPECT_EQ(names_for(policies, "q"), "- -");
  EXPECT_TRUE(policies.remove("v", PolicyKind::operators, "o"));
  EXPECT_TRUE(policies.empty());
}

// ---- what they come to ---------------------------------------------------------------------

/// A queue with arguments and policies.
struct Joined {
  QueueDefinition queue;
  std::string user, operators;

  QueueSettings settings() const {
    MatchedPolicies matched;
    if (!user.empty()) matched.policy = std::make_shared<const Policy>(policy("p", "", user));
    if (!operators.empty()) {
      matched.operator_policy =
          std::make_shared<const Policy>(policy("o", "", operators, 0, PolicyKind::operators));
    }
    const QueueDefinitionRef first = with_policies(queue, matched);
    EXPECT_EQ(matched_policies(*first), matched);
    // Whatever policies it had before, those that follow begin with the arguments.
    const auto other = std::make_shared<const Policy>(
        policy("x", "", R"({"max-length":0,"message-ttl":0,"dead-letter-exchange":"x"})"));
    const QueueDefinitionRef detour = with_policies(*with_policies(*first, {other, nullptr}), {});
    EXPECT_EQ(detour->policies, nullptr);
    EXPECT_EQ(detour->settings.max_length, queue.settings.max_length);
    EXPECT_EQ(detour->settings.dead_letter_exchange, queue.settings.dead_letter_exchange);
    return first->settings;
  }
};

Joined queue_with(QueueType type = QueueType::classic) {
  Joined joined;
  joined.queue.settings.type = type;
  return joined;
}

// The cases are those that were tried with RabbitMQ 3.10.8.
TEST(EffectiveSettings, TakeTheSmallestNumber) {
  struct Case {
    std::optional<std::uint64_t> argument, user, operators;
    std::uint64_t effective;
  };
  for (const Case& one : {Case{10, 5, {}, 5}, Case{5, 10, {}, 5}, Case{{}, 5, {}, 5},
                          Case{{}, 5, 3, 3}, Case{{}, 3, 5, 3}, Case{10, {}, 4, 4},
                          Case{2, {}, 4, 2}, Case{8, 5, 3, 3}}) {
    const auto definition = [](const char* key, std::optional<std::uint64_t> value) {
      return value ? "{\"" + std::string(key) + "\":" + std::to_string(*value) + "}" : "";
    };
    const auto joined = [&](const char* key, auto member) {
      Joined with = queue_with();
      if (one.argument) with.queue.settings.*member = *one.argument;
      with.user = definition(key, one.user);
      with.operators = definition(key, one.operators);
      return (with.settings().*member).value();
    };
    EXPECT_EQ(joined("max-length", &QueueSettings::max_length), one.effective);
    EXPECT_EQ(joined("max-length-bytes", &QueueSettings::max_length_bytes), one.effective);
    EXPECT_EQ(joined("message-ttl", &QueueSettings::message_ttl_ms), one.effective);
    EXPECT_EQ(joined("expires", &QueueSettings::expires_ms), one.effective);
    EXPECT_EQ(joined("delivery-limit", &QueueSettings::delivery_limit), one.effective);
  }
  Joined with = queue_with();
  with.queue.settings.consumer_timeout_ms = 70'000;
  with.user = R"({"consumer-timeout":60000,"consumer-timeout-action":"requeue"})";
  EXPECT_EQ(with.settings().consumer_timeout_ms, 60'000U);
  EXPECT_EQ(with.settings().consumer_timeout_action, AckTimeoutAction::requeue);
  with.queue.arguments.set("x-consumer-timeout-action",
                           protocol::FieldValue::long_string("close-channel"));
  EXPECT_EQ(with.settings().consumer_timeout_action, AckTimeoutAction::close_channel);
  with.user = R"({"consumer-timeout":0})";
  EXPECT_EQ(with.settings().consumer_timeout_ms, 70'000U) << "0 is no limit";
}

TEST(EffectiveSettings, PutArgumentsBeforePoliciesOtherwise) {
  Joined with = queue_with();
  with.user = R"({"dead-letter-exchange":"p","dead-letter-routing-key":"pk",
                  "overflow":"reject-publish","dead-letter-strategy":"at-least-once"})";
  EXPECT_EQ(with.settings().dead_letter_exchange, "p");
  EXPECT_EQ(with.settings().dead_letter_routing_key, "pk");
  EXPECT_EQ(with.settings().overflow, QueueOverflow::reject_publish);
  EXPECT_EQ(with.settings().dead_letter_strategy, DeadLetterStrategy::at_least_once);
  with.queue.settings.dead_letter_exchange = "a";
  EXPECT_EQ(with.settings().dead_letter_exchange, "a");
  EXPECT_EQ(with.settings().dead_letter_routing_key, "pk") << "each by itself";
  // What the arguments say may be what holds without them.
  with.queue.arguments.set("x-overflow", protocol::FieldValue::long_string("drop-head"));
  with.queue.arguments.set("x-dead-letter-strategy",
                           protocol::FieldValue::long_string("at-most-once"));
  EXPECT_EQ(with.settings().overflow, QueueOverflow::drop_head);
  EXPECT_EQ(with.settings().dead_letter_strategy, DeadLetterStrategy::at_most_once);
  // But an operator is asked about no more than a policy is.
  with.operators = R"({"overflow":"reject-publish-dlx"})";
  EXPECT_EQ(with.settings().overflow, QueueOverflow::drop_head);
  with.queue.arguments = {};
  EXPECT_EQ(with.settings().overflow, QueueOverflow::reject_publish_dlx);
}

TEST(EffectiveSettings, LetPoliciesSayWhatFullQuorumQueuesDo) {
  Joined with = queue_with(QueueType::quorum);
  with.queue.settings.max_length = 5;
  with.queue.settings.overflow = QueueOverflow::reject_publish;
  with.queue.arguments.set("x-overflow", protocol::FieldValue::long_string("reject-publish"));
  with.user = R"({"overflow":"drop-head","max-length":9})";
  EXPECT_EQ(with.settings().overflow, QueueOverflow::drop_head);
  EXPECT_EQ(with.settings().max_length, 5U);
}

TEST(EffectiveSettings, LetPoliciesSayHowMuchStreamsKeep) {
  Joined with = queue_with(QueueType::stream);
  with.queue.settings.max_age_ms = 1000;
  with.queue.settings.max_length_bytes = 1000;
  with.queue.settings.stream_max_segment_size_bytes = 1000;
  with.queue.settings.stream_filter_size_bytes = 16;
  with.user = R"({"max-age":"2s","max-length-bytes":2000,"stream-max-segment-size-bytes":2000,
                  "stream-filter-size-bytes":32})";
  EXPECT_EQ(with.settings().max_age_ms, 2000U);
  EXPECT_EQ(with.settings().max_length_bytes, 2000U);
  EXPECT_EQ(with.settings().stream_max_segment_size_bytes, 2000U);
  EXPECT_EQ(with.settings().stream_filter_size_bytes, 32);
  with.operators = R"({"max-length-bytes":500})";
  EXPECT_EQ(with.settings().max_length_bytes, 500U);
}

TEST(EffectiveSettings, GiveExchangesAnAlternate) {
  ExchangeDefinition exchange;
  exchange.vhost = "/";
  exchange.name = "x";
  MatchedPolicies matched;
  matched.policy =
      std::make_shared<const Policy>(policy("p", "", R"({"alternate-exchange":"other"})"));
  EXPECT_EQ(with_policies(exchange, matched).alternate_exchange, "other");
  EXPECT_EQ(with_policies(exchange, matched).policies, matched);
  EXPECT_EQ(with_policies(exchange, {}).alternate_exchange, std::nullopt);
  exchange.arguments.set("alternate-exchange", protocol::FieldValue::long_string("own"));
  EXPECT_EQ(with_policies(exchange, matched).alternate_exchange, "own");
  EXPECT_EQ(with_policies(exchange, {}).alternate_exchange, "own");
  // RabbitMQ says that a policy matches the default exchange, and does not look there.
  exchange.arguments = {};
  exchange.name = "";
  EXPECT_EQ(with_policies(exchange, matched).alternate_exchange, std::nullopt);
  EXPECT_EQ(with_policies(exchange, matched).policies, matched);
}

}  // namespace
}  // namespace leveret::broker
