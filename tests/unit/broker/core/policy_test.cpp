/// Policies as texts: what is taken, and RabbitMQ's words about what is not.
#include "broker/core/policy.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace leveret::broker {
namespace {

/// A policy "p" with this definition, or RabbitMQ's complaint: what stands between "Validation
/// failed" and the last end of a line.
Result<Policy, std::string> parse(const std::string& text, PolicyKind kind = PolicyKind::user) {
  auto policy = Policy::parse(kind, "p", text);
  if (policy) return std::move(*policy);
  const protocol::AmqpError& error = policy.error();
  EXPECT_FALSE(error.explanation().empty());
  std::string complaint = error.explanation();
  constexpr std::string_view start = "Validation failed\n\n";
  if (complaint.starts_with(start)) {
    EXPECT_EQ(error.code(), protocol::ReplyCode::precondition_failed);
    EXPECT_EQ(complaint.back(), '\n');
    complaint = complaint.substr(start.size(), complaint.size() - start.size() - 1);
  }
  return tl::unexpected(std::move(complaint));
}

Result<Policy, std::string> define(const std::string& definition,
                                   PolicyKind kind = PolicyKind::user) {
  return parse(R"({"pattern":"^q","priority":0,"definition":)" + definition + "}", kind);
}

std::string complaint(const std::string& definition, PolicyKind kind = PolicyKind::user) {
  const auto policy = define(definition, kind);
  return policy ? "" : policy.error();
}

PolicySettings settings(const std::string& definition, PolicyKind kind = PolicyKind::user) {
  const auto policy = define(definition, kind);
  EXPECT_TRUE(policy.has_value()) << policy.error();
  return policy ? policy->settings() : PolicySettings{};
}

// ---- what is taken -------------------------------------------------------------------------

TEST(Policy, SaysWhatItsKeysSay) {
  PolicySettings wanted;
  wanted.alternate_exchange = "other";
  wanted.dead_letter_exchange = "";
  wanted.dead_letter_routing_key = "k";
  wanted.dead_letter_strategy = DeadLetterStrategy::at_least_once;
  wanted.message_ttl_ms = 0;
  wanted.expires_ms = 1;
  wanted.max_length = 2;
  wanted.max_length_bytes = 3;
  wanted.overflow = QueueOverflow::reject_publish_dlx;
  wanted.delivery_limit = 4;
  wanted.consumer_timeout_ms = 5;
  wanted.consumer_timeout_action = AckTimeoutAction::requeue;
  wanted.max_age_ms = 7U * 24 * 3600 * 1000;
  wanted.stream_max_segment_size_bytes = 3'000'000'000;
  wanted.stream_filter_size_bytes = 16;
  wanted.federation_upstream_set = "all";
  EXPECT_EQ(settings(R"({"alternate-exchange":"other","dead-letter-exchange":"",
                         "dead-letter-routing-key":"k","dead-letter-strategy":"at-least-once",
                         "message-ttl":0,"expires":1,"max-length":2,"max-length-bytes":3,
                         "overflow":"reject-publish-dlx","delivery-limit":4,"consumer-timeout":5,
                         "consumer-timeout-action":"requeue",
                         "max-age":"7D","stream-max-segment-size-bytes":3000000000,
                         "stream-filter-size-bytes":16,"federation-upstream-set":"all"})"),
            wanted);
}

TEST(Policy, ReadsAgesInAllUnits) {
  const auto age = [](const std::string& text) {
    return settings(R"({"max-age":")" + text + R"("})").max_age_ms;
  };
  EXPECT_EQ(age("2s"), 2000U);
  EXPECT_EQ(age("2m"), 120'000U);
  EXPECT_EQ(age("2h"), 7'200'000U);
  EXPECT_EQ(age("2D"), 172'800'000U);
  EXPECT_EQ(age("2M"), std::uint64_t{60} * 86'400'000);
  EXPECT_EQ(age("2Y"), std::uint64_t{730} * 86'400'000);
  // As good as for ever, and not a small number.
  EXPECT_GT(age("9999999999999999999Y"), 1'000'000'000'000'000'000U);
}

TEST(Policy, TakesTimesOfMoreThanTenYearsForTen) {
  constexpr std::uint64_t ten_years_ms = 315'360'000'000;
  const PolicySettings taken =
      settings(R"({"message-ttl":1000000000000000,"expires":18446744073709551615})");
  EXPECT_EQ(taken.message_ttl_ms, ten_years_ms);
  EXPECT_EQ(taken.expires_ms, ten_years_ms);
}

TEST(Policy, TakesWhatMeansNothingHere) {
  EXPECT_EQ(settings(R"({"queue-mode":"lazy","queue-version":2,"max-in-memory-length":1,
                         "max-in-memory-bytes":1,"queue-leader-locator":"balanced",
                         "queue-master-locator":"min-masters","initial-cluster-size":3,
                         "target-group-size":3,"consumer-disconnected-timeout":1,
                         "ha-mode":"exactly","ha-params":2,"ha-sync-mode":"automatic",
                         "ha-sync-batch-size":100,"ha-promote-on-shutdown":"always",
                         "ha-promote-on-failure":"when-synced"})"),
            PolicySettings{});
}

TEST(Policy, IsForWhatItSaysAndWhatHasItsKeys) {
  const auto targets = [](const std::string& apply_to, const std::string& definition) {
    const auto policy = parse(R"({"pattern":"^q","priority":1.5,"apply-to":")" + apply_to +
                              R"(","definition":)" + definition + "}");
    EXPECT_TRUE(policy.has_value()) << policy.error();
    EXPECT_EQ(policy->priority(), 1.5);
    EXPECT_FALSE(policy->is_for_queue("other", QueueType::classic));
    EXPECT_FALSE(policy->is_for_exchange("other"));
    std::string found;
    if (policy->is_for_queue("q1", QueueType::classic)) found += 'c';
    if (policy->is_for_queue("q1", QueueType::quorum)) found += 'q';
    if (policy->is_for_queue("q1", QueueType::stream)) found += 's';
    if (policy->is_for_exchange("q1")) found += 'x';
    return found;
  };
  const std::string any = R"({"max-length-bytes":1})";
  EXPECT_EQ(targets("all", any), "cqsx");
  EXPECT_EQ(targets("queues", any), "cqs");
  EXPECT_EQ(targets("classic_queues", any), "c");
  EXPECT_EQ(targets("quorum_queues", any), "q");
  EXPECT_EQ(targets("streams", any), "s");
  EXPECT_EQ(targets("exchanges", any), "x");
  EXPECT_EQ(targets("all", R"({"max-length":1})"), "cqx");
  EXPECT_EQ(targets("all", R"({"max-length":1,"delivery-limit":1})"), "qx");
  EXPECT_EQ(targets("queues", R"({"delivery-limit":1})"), "q");
  EXPECT_EQ(targets("classic_queues", R"({"max-length":1,"delivery-limit":1})"), "c");
  EXPECT_EQ(targets("classic_queues", R"({"max-age":"1D","delivery-limit":1})"), "");
  EXPECT_EQ(targets("all", R"({"max-age":"1D","max-length-bytes":1})"), "sx");
  EXPECT_EQ(targets("all", R"({"max-age":"1D","delivery-limit":1})"), "x");
  EXPECT_EQ(targets("queues", R"({"queue-mode":"lazy"})"), "c");
  EXPECT_EQ(targets("queues", R"({"alternate-exchange":"x"})"), "cqs");
}

TEST(Policy, FindsAnEmptyPatternEverywhere) {
  const auto policy = parse(R"({"pattern":"","priority":0,"definition":{"max-length":1}})");
  ASSERT_TRUE(policy.has_value());
  EXPECT_TRUE(policy->is_for_queue("q", QueueType::classic));
  EXPECT_TRUE(policy->is_for_exchange(""));
}

// ---- what is refused -----------------------------------------------------------------------

TEST(Policy, RefusesWrongValuesInRabbitMQsWords) {
  EXPECT_EQ(complaint("{}"), "no policy provided");
  EXPECT_EQ(complaint(R"({"max-length":-1})"), "-1 is not a valid maximum length");
  EXPECT_EQ(complaint(R"({"max-length":"a"})"), R"(<<"a">> is not a valid maximum length)");
  EXPECT_EQ(complaint(R"({"max-length":1.0})"), "1.0 is not a valid maximum length");
  EXPECT_EQ(complaint(R"({"max-length-bytes":null})"),
            "null is not a valid maximum length in bytes");
  EXPECT_EQ(complaint(R"({"message-ttl":-1})"), "-1 is not a valid message TTL");
  EXPECT_EQ(complaint(R"({"expires":0})"), "0 is not a valid queue expiry");
  EXPECT_EQ(complaint(R"({"overflow":"x"})"), R"(<<"x">> is not a valid overflow value)");
  EXPECT_EQ(complaint(R"({"max-age":"1x"})"), R"(<<"1x">> is not a valid max age)");
  EXPECT_EQ(complaint(R"({"max-age":"0D"})"), R"(<<"0D">> is not a valid max age)");
  EXPECT_EQ(complaint(R"({"max-age":"1"})"), R"(<<"1">> is not a valid max age)");
  EXPECT_EQ(complaint(R"({"max-age":"D"})"), R"(<<"D">> is not a valid max age)");
  EXPECT_EQ(complaint(R"({"max-age":""})"), "<<>> is not a valid max age");
  EXPECT_EQ(complaint(R"({"max-age":1})"), "1 is not a valid max age");
  EXPECT_EQ(complaint(R"({"queue-mode":"x"})"), R"(<<"x">> is not a valid queue-mode value)");
  EXPECT_EQ(complaint(R"({"queue-version":3})"), "3 is not a valid queue-version value");
  EXPECT_EQ(complaint(R"({"dead-letter-exchange":1})"),
            "1 is not a valid dead letter exchange name");
  EXPECT_EQ(complaint(R"({"dead-letter-routing-key":")" + std::string(256, 'k') + R"("})"),
            "<<\"" + std::string(256, 'k') + "\">> is not a valid dead letter routing key");
  EXPECT_EQ(complaint(R"({"alternate-exchange":null})"),
            "null is not a valid alternate exchange name");
  EXPECT_EQ(complaint(R"({"dead-letter-strategy":"x"})"),
            R"(<<"x">> is not a valid dead letter strategy)");
  EXPECT_EQ(complaint(R"({"stream-max-segment-size-bytes":3000000001})"),
            "3000000001 is not a valid segment size");
  EXPECT_EQ(complaint(R"({"stream-filter-size-bytes":15})"),
            "15 is not a valid filter size. Valid range is 16-255");
  EXPECT_EQ(complaint(R"({"queue-leader-locator":"x"})"),
            R"(<<"x">> is not a valid queue leader locator value)");
  EXPECT_EQ(complaint(R"({"queue-master-locator":"x"})"),
            R"(<<"x">> invalid queue-master-locator value)");
  EXPECT_EQ(complaint(R"({"initial-cluster-size":-1})"), "-1 is not a valid cluster size");
  EXPECT_EQ(complaint(R"({"max-in-memory-length":-1})"),
            "-1 is not a valid maximum memory in bytes");
  EXPECT_EQ(complaint(R"({"delivery-limit":-1})"), "-1 is not a valid delivery limit");
  EXPECT_EQ(complaint(R"({"consumer-timeout":"x"})"),
            R"(<<"x">> is not a valid consumer timeout)");
  EXPECT_EQ(complaint(R"({"consumer-timeout-action":"x"})"),
            R"(<<"x">> is not a valid consumer timeout action)");
  // The first wrong one by its name; only then what is not known.
  EXPECT_EQ(complaint(R"({"unknown":1,"overflow":"x","max-length":-1})"),
            "-1 is not a valid maximum length");
}

TEST(Policy, ChecksMirroringInRabbitMQsWords) {
  EXPECT_EQ(complaint(R"({"ha-mode":"x"})"), R"(<<"x">> is not a valid ha-mode value)");
  EXPECT_EQ(complaint(R"({"ha-params":1})"),
            "ha-mode must be specified to specify ha-params, ha-sync-mode or "
            "ha-promote-on-shutdown");
  EXPECT_EQ(complaint(R"({"ha-mode":"exactly","ha-params":"x"})"),
            R"(ha-mode="exactly" takes an integer, <<"x">> given)");
  EXPECT_EQ(complaint(R"({"ha-mode":"exactly"})"),
            R"(ha-mode="exactly" takes an integer, none given)");
  EXPECT_EQ(complaint(R"({"ha-mode":"nodes","ha-params":1})"),
            R"(ha-mode="nodes" takes a list, 1 given)");
  EXPECT_EQ(complaint(R"({"ha-mode":"nodes","ha-params":[]})"),
            R"(ha-mode="nodes" list must be non-empty)");
  EXPECT_EQ(complaint(R"({"ha-mode":"nodes","ha-params":["a",1.5]})"),
            R"(ha-mode="nodes" takes a list of strings, [1.5] was not a string)");
  EXPECT_EQ(complaint(R"({"ha-mode":"all","ha-params":5})"),
            R"(ha-mode="all" does not take parameters)");
  EXPECT_EQ(complaint(R"({"ha-mode":"all","ha-sync-mode":"x"})"),
            R"(ha-sync-mode must be "manual" or "automatic", got <<"x">>)");
  EXPECT_EQ(complaint(R"({"ha-mode":"all","ha-sync-batch-size":0})"),
            "ha-sync-batch-size takes an integer greater than 0, 0 given");
  EXPECT_EQ(complaint(R"({"ha-mode":"all","ha-promote-on-shutdown":"x"})"),
            R"(ha-promote-on-shutdown must be "always" or "when-synced", got <<"x">>)");
  EXPECT_EQ(complaint(R"({"ha-mode":"all","ha-promote-on-failure":"x"})"),
            R"(ha-promote-on-failure must be "always" or "when-synced", got <<"x">>)");
}

TEST(Policy, TakesOneSourceOfFederation) {
  EXPECT_EQ(complaint(R"({"federation-upstream":1})"),
            "1 is not a valid federation upstream name");
  EXPECT_EQ(complaint(R"({"federation-upstream-pattern":"("})"),
            R"(<<"(">> is not a valid federation upstream pattern name)");
  EXPECT_EQ(complaint(R"({"federation-upstream":"a","federation-upstream-set":"b"})"),
            "cannot specify federation-upstream, federation-upstream-set or "
            "federation-upstream-pattern together");
}

TEST(Policy, RefusesUnknownKeysAndShowsThem) {
  EXPECT_EQ(complaint(R"({"x":1})"), R"([{<<"x">>,1}] are not recognised policy settings)");
  EXPECT_EQ(complaint(R"({"x":1,"y":"a","z":[1],"w":{"a":1},"v":true,"u":null,"t":1.5,)"
                      R"("s":"é","r":[97,98],"q":{},"max-length":1})"),
            R"([{<<"q">>,#{}},{<<"r">>,"ab"},{<<"s">>,<<"é">>},{<<"t">>,1.5},{<<"u">>,null},)"
            R"({<<"v">>,true},{<<"w">>,#{<<"a">> => 1}},{<<"x">>,1},{<<"y">>,<<"a">>},)"
            R"({<<"z">>,[1]}] are not recognised policy settings)");
}

TEST(Policy, LetsOperatorsSayLimitsOnly) {
  PolicySettings wanted;
  wanted.expires_ms = 1;
  wanted.message_ttl_ms = 2;
  wanted.max_length = 3;
  wanted.max_length_bytes = 4;
  wanted.delivery_limit = 5;
  wanted.overflow = QueueOverflow::reject_publish;
  EXPECT_EQ(settings(R"({"expires":1,"message-ttl":2,"max-length":3,"max-length-bytes":4,
                         "delivery-limit":5,"overflow":"reject-publish","max-in-memory-length":1,
                         "max-in-memory-bytes":1,"queue-version":2})",
                     PolicyKind::operators),
            wanted);
  for (const char* key : {"alternate-exchange", "dead-letter-exchange", "dead-letter-routing-key",
                          "ha-mode", "max-age", "federation-upstream", "consumer-timeout"}) {
    EXPECT_EQ(complaint("{\"max-length\":1,\"" + std::string(key) + "\":\"a\"}",
                        PolicyKind::operators),
              "[{<<\"" + std::string(key) + "\">>,<<\"a\">>}] are not recognised policy settings");
  }
}

TEST(Policy, SaysThatItCannotDoYetWhatIsToCome) {
  const auto policy = Policy::parse(
      PolicyKind::user, "p",
      R"({"pattern":"a","priority":0,"definition":{"delayed-retry-type":"all","max-length":1}})");
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().code(), protocol::ReplyCode::not_implemented);
  EXPECT_EQ(policy.error().explanation(),
            "policy key 'delayed-retry-type' is not supported yet by this version of Leveret");
}

TEST(Policy, TellsAllThatIsWrongAtOnce) {
  const auto refused = [](const std::string& text, PolicyKind kind = PolicyKind::user) {
    const auto policy = parse(text, kind);
    return policy ? "" : policy.error();
  };
  EXPECT_EQ(refused(R"({"pattern":"a"})"),
            "Key \"definition\" not found in p\nKey \"priority\" not found in p");
  EXPECT_EQ(refused("{}"),
            "Key \"definition\" not found in p\nKey \"pattern\" not found in p\n"
            "Key \"priority\" not found in p");
  EXPECT_EQ(refused("5"), "p not a list 5");
  EXPECT_EQ(refused(R"({"pattern":"a","priority":0,"definition":{"max-length":1},"foo":1,)"
                    R"("bar":"x"})"),
            R"(Unrecognised terms [{<<"bar">>,<<"x">>},{<<"foo">>,1}] in p)");
  EXPECT_EQ(refused(R"({"pattern":5,"priority":"x","apply-to":"y","definition":)"
                    R"({"max-length":-1}})"),
            "-1 is not a valid maximum length\n"
            "apply-to 'y' unrecognised; should be one of: 'queues', 'classic_queues', "
            "'quorum_queues', 'streams', 'exchanges', or 'all'\n"
            "pattern should be a binary but was 5\n"
            "priority should be a number, actually was <<\"x\">>");
  EXPECT_EQ(refused(R"({"pattern":"(","priority":0,"definition":{"max-length":1}})"),
            "pattern should be regular expression but is invalid: the pattern '(' cannot be read "
            "at character 2: missing closing parenthesis");
  EXPECT_EQ(refused(R"({"pattern":"a","priority":0,"definition":"x"})"),
            "parse error while reading policy definition: <<\"x\">>. Validator: "
            "policy_validator.");
  EXPECT_EQ(refused(R"({"pattern":"a","priority":0,"definition":[1]})", PolicyKind::operators),
            "parse error while reading policy definition: [1]. Validator: "
            "operator_policy_validator.");
  EXPECT_TRUE(refused("{").starts_with("JSON decoding error. Reason: "));
  EXPECT_TRUE(refused("").starts_with("JSON decoding error. Reason: "));
  EXPECT_TRUE(refused(std::string(100'000, '[')).starts_with("JSON decoding error. Reason: "))
      << "nothing is read to any depth";
}

TEST(Policy, KnowsAnotherOneThatSaysTheSame) {
  const auto first = define(R"({"max-length":1,"overflow":"drop-head"})");
  const auto second = define(R"({ "overflow":"drop-head", "max-length":1 })");
  const auto other = define(R"({"max-length":2,"overflow":"drop-head"})");
  ASSERT_TRUE(first && second && other);
  EXPECT_TRUE(first->is_same_as(*second));
  EXPECT_FALSE(first->is_same_as(*other));
}

}  // namespace
}  // namespace leveret::broker
