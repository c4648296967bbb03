/// Arguments of quorum queues and streams: the answers of RabbitMQ 3.10.8.
#include "broker/core/queue_type_arguments.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldValue;
using protocol::ReplyCode;
using Fields = std::vector<std::pair<std::string, FieldValue>>;

constexpr QueueFlags durable{.durable = true};

FieldTable table(const std::string& type, const Fields& fields) {
  FieldTable result;
  if (!type.empty()) result.set("x-queue-type", FieldValue::long_string(type));
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

FieldValue text(std::string value) { return FieldValue::long_string(std::move(value)); }
FieldValue number(std::int64_t value) { return FieldValue::int64(value); }

Result<QueueSettings, AmqpError> parse(const std::string& type, const Fields& fields,
                                       const QueueFlags& flags = durable) {
  return parse_queue_arguments("q", "/", flags, table(type, fields));
}

/// The explanation of a refusal; empty when the arguments are accepted.
std::string complaint(const std::string& type, const Fields& fields,
                      const QueueFlags& flags = durable) {
  const auto parsed = parse(type, fields, flags);
  return parsed ? std::string() : parsed.error().explanation();
}

std::string invalid(const std::string& argument, const std::string& reason) {
  return "invalid arg '" + argument + "' for queue 'q' in vhost '/'" + reason;
}

TEST(QueueTypeArguments, KnowsTheTypesByName) {
  EXPECT_EQ(find_type("classic"), QueueType::classic);
  EXPECT_EQ(find_type("quorum"), QueueType::quorum);
  EXPECT_EQ(find_type("stream"), QueueType::stream);
  EXPECT_EQ(find_type("Quorum"), std::nullopt);
  EXPECT_EQ(find_type(""), std::nullopt);
  EXPECT_EQ(queue_type_of(table("quorum", {})), QueueType::quorum);
  EXPECT_EQ(queue_type_of(table("", {})), QueueType::classic);
}

TEST(QueueTypeArguments, ReadsWhatAQuorumQueueIsAskedFor) {
  const auto settings =
      parse("quorum", {{"x-delivery-limit", FieldValue::uint8(5)},
                       {"x-dead-letter-exchange", text("x")},
                       {"x-dead-letter-strategy", text("at-least-once")},
                       {"x-overflow", text("reject-publish")},
                       {"x-message-ttl", number(7)}}).value();
  EXPECT_EQ(settings.type, QueueType::quorum);
  EXPECT_EQ(settings.delivery_limit, 5U);
  EXPECT_EQ(settings.message_ttl_ms, 7U);
  EXPECT_TRUE(settings.keeps_dead_letters());

  const auto plain = parse("quorum", {}).value();
  EXPECT_EQ(plain.delivery_limit, std::nullopt);
  EXPECT_FALSE(plain.keeps_dead_letters());
}

// Goal: RabbitMQ promises dead letters only where the queue need not drop them itself.
TEST(QueueTypeArguments, PromisesDeadLettersOnlyWithRejectPublish) {
  const Fields promised{{"x-dead-letter-exchange", text("x")},
                        {"x-dead-letter-strategy", text("at-least-once")}};
  EXPECT_FALSE(parse("quorum", promised)->keeps_dead_letters());
  Fields dropping = promised;
  dropping.emplace_back("x-overflow", text("drop-head"));
  EXPECT_FALSE(parse("quorum", dropping)->keeps_dead_letters());
  EXPECT_FALSE(parse("quorum", {{"x-dead-letter-strategy", text("at-least-once")},
                                {"x-overflow", text("reject-publish")}})->keeps_dead_letters());
  EXPECT_EQ(parse("quorum", {{"x-overflow", text("reject-publish-dlx")}})->overflow,
            QueueOverflow::drop_head);
}

TEST(QueueTypeArguments, TakesANegativeLimitForNone) {
  EXPECT_EQ(parse("quorum", {{"x-delivery-limit", number(-1)}})->delivery_limit, std::nullopt);
  EXPECT_EQ(parse("quorum", {{"x-delivery-limit", number(0)}})->delivery_limit, 0U);
  EXPECT_EQ(parse("quorum", {{"x-delivery-limit", number(INT64_MAX)}})->delivery_limit,
            UINT32_MAX);
  EXPECT_NE(complaint("quorum", {{"x-delivery-limit", text("5")}}), "");
}

TEST(QueueTypeArguments, ChecksTheValuesOfQuorumQueues) {
  for (const std::string name : {"x-max-in-memory-length", "x-max-in-memory-bytes"}) {
    EXPECT_EQ(complaint("quorum", {{name, number(0)}}), "");
    EXPECT_EQ(complaint("quorum", {{name, number(-1)}}), invalid(name, ": {value_negative,-1}"));
  }
  const std::string size = "x-quorum-initial-group-size";
  EXPECT_EQ(complaint("quorum", {{size, number(3)}}), "");
  EXPECT_EQ(complaint("quorum", {{size, number(0)}}), invalid(size, ": {value_zero,0}"));
  const std::string strategy = "x-dead-letter-strategy";
  EXPECT_EQ(complaint("quorum", {{strategy, text("at-most-once")}}), "");
  EXPECT_EQ(complaint("quorum", {{strategy, text("never")}}),
            invalid(strategy, ": invalid_dlx_strategy"));
  EXPECT_EQ(complaint("quorum", {{strategy, FieldValue::int32(1)}}),
            invalid(strategy, ": {unacceptable_type,signedint}"));
  const std::string locator = "x-queue-leader-locator";
  EXPECT_EQ(complaint("quorum", {{locator, text("balanced")}}), "");
  EXPECT_EQ(complaint("quorum", {{locator, text("here")}}),
            invalid(locator, ": invalid_queue_locator_arg"));
}

TEST(QueueTypeArguments, RefusesArgumentsOfOtherTypes) {
  for (const std::string name : {"x-max-priority", "x-queue-mode", "x-queue-version", "x-max-age",
                                 "x-queue-master-locator", "x-initial-cluster-size"}) {
    EXPECT_EQ(complaint("quorum", {{name, text("a")}}),
              invalid(name, " of queue type rabbit_quorum_queue"));
  }
  for (const std::string name : {"x-expires", "x-message-ttl", "x-max-length", "x-overflow",
                                 "x-dead-letter-exchange", "x-delivery-limit"}) {
    EXPECT_EQ(complaint("stream", {{name, text("a")}}),
              invalid(name, " of queue type rabbit_stream_queue"));
  }
  EXPECT_EQ(complaint("quorum", {{"x-nonsense", number(1)}}), "");
}

// Goal: values are judged before flags, and of these auto-delete first.
TEST(QueueTypeArguments, RefusesFlagsThatTheTypeCannotHave) {
  const auto property = [](const std::string& name) {
    return "invalid property '" + name + "' for queue 'q' in vhost '/'";
  };
  for (const std::string type : {"quorum", "stream"}) {
    EXPECT_EQ(complaint(type, {}, {}), property("non-durable"));
    EXPECT_EQ(complaint(type, {}, {.exclusive = true}), property("exclusive-owner"));
    EXPECT_EQ(complaint(type, {}, {.exclusive = true, .auto_delete = true}),
              property("auto-delete"));
    EXPECT_EQ(complaint(type, {{"x-max-length-bytes", number(-1)}}, {}),
              invalid("x-max-length-bytes", ": {value_negative,-1}"));
    EXPECT_EQ(check_server_named(table(type, {})).error().explanation(),
              "Cannot declare a server-named queue for type rabbit_" + type + "_queue");
  }
  EXPECT_TRUE(check_server_named(table("classic", {})).has_value());
  EXPECT_EQ(complaint("classic", {}, {}), "");
}

TEST(QueueTypeArguments, ReadsAges) {
  EXPECT_EQ(parse_max_age_ms("1s"), 1000U);
  EXPECT_EQ(parse_max_age_ms("2m"), 120'000U);
  EXPECT_EQ(parse_max_age_ms("3h"), 3 * 3'600'000U);
  EXPECT_EQ(parse_max_age_ms("1D"), 86'400'000U);
  EXPECT_EQ(parse_max_age_ms("1M"), 30 * 86'400'000ULL);
  EXPECT_EQ(parse_max_age_ms("1Y"), 365 * 86'400'000ULL);
  EXPECT_EQ(parse_max_age_ms("18446744073709551615Y"), UINT64_MAX);
  for (const std::string wrong : {"", "s", "0s", "1", "1d", "-1s", "+1s", "1 s", "1ss", "1.5h",
                                  "99999999999999999999s"}) {
    EXPECT_EQ(parse_max_age_ms(wrong), std::nullopt) << wrong;
  }
}

TEST(QueueTypeArguments, ChecksTheLimitsOfStreams) {
  const std::string filter = "x-stream-filter-size-bytes";
  EXPECT_EQ(complaint("stream", {{filter, number(15)}}),
            invalid(filter, ": {invalid_filter_size,15}"));
  EXPECT_EQ(complaint("stream", {{filter, number(256)}}),
            invalid(filter, ": {invalid_filter_size,256}"));
  EXPECT_EQ(complaint("stream", {{"x-stream-max-segment-size-bytes", number(3'000'000'001)}}),
            "Exceeded max value for x-stream-max-segment-size-bytes");
  EXPECT_EQ(complaint("stream", {{"x-max-age", text("soon")}}),
            invalid("x-max-age", ": invalid_max_age"));
}

TEST(QueueTypeArguments, ComparesInTheOrderOfTheExistingType) {
  const FieldTable existing = table("quorum", {{"x-delivery-limit", number(1)}});
  const FieldTable received = table("quorum", {{"x-max-priority", number(1)},
                                               {"x-expires", number(1)},
                                               {"x-dead-letter-exchange", text("x")}});
  const auto checked =
      check_queue_equivalence("q", "/", {durable, existing}, {durable, received});
  ASSERT_FALSE(checked.has_value());
  EXPECT_NE(checked.error().explanation().find("'x-dead-letter-exchange'"), std::string::npos);
}

}  // namespace
}  // namespace leveret::broker
