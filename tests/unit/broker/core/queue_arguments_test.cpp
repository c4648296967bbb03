/// Arguments and equivalence of queue declarations: the answers of RabbitMQ 3.10.8.
#include "broker/core/queue_arguments.hpp"

#include <gtest/gtest.h>

#include <array>
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

FieldTable table(const Fields& fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

FieldValue text(std::string value) { return FieldValue::long_string(std::move(value)); }
FieldValue number(std::int64_t value) { return FieldValue::int64(value); }

Result<QueueSettings, AmqpError> parse(const Fields& fields) {
  return parse_queue_arguments("q", "/", {}, table(fields));
}

/// The explanation of a 406; empty when the arguments are accepted.
std::string complaint(const Fields& fields) {
  const auto parsed = parse(fields);
  if (parsed.has_value()) return {};
  EXPECT_EQ(parsed.error().code(), ReplyCode::precondition_failed) << parsed.error().explanation();
  return parsed.error().explanation();
}

std::string invalid(const std::string& argument, const std::string& reason) {
  return "invalid arg '" + argument + "' for queue 'q' in vhost '/': " + reason;
}

TEST(QueueArguments, ReadsWhatIsAskedFor) {
  const auto settings =
      parse({{"x-expires", number(1)}, {"x-message-ttl", FieldValue::uint8(200)}}).value();
  EXPECT_EQ(settings.expires_ms, 1U);
  EXPECT_EQ(settings.message_ttl_ms, 200U);
  EXPECT_EQ(settings.max_length, std::nullopt);
  EXPECT_EQ(settings.dead_letter_exchange, std::nullopt);

  const auto nothing = parse({}).value();
  EXPECT_EQ(nothing.expires_ms, std::nullopt);
  EXPECT_EQ(nothing.message_ttl_ms, std::nullopt);
}

TEST(QueueArguments, AcceptsTheBoundsOfDurations) {
  EXPECT_EQ(parse({{"x-message-ttl", number(0)}})->message_ttl_ms, 0U);
  EXPECT_EQ(parse({{"x-message-ttl", number(315'360'000'000)}})->message_ttl_ms, 315'360'000'000U);
  EXPECT_EQ(parse({{"x-expires", number(315'360'000'000)}})->expires_ms, 315'360'000'000U);
  EXPECT_EQ(parse({{"x-expires", FieldValue::uint32(4294967295)}})->expires_ms, 4294967295U);
  EXPECT_EQ(parse({{"x-expires", FieldValue::uint16(65535)}})->expires_ms, 65535U);
  EXPECT_EQ(parse({{"x-expires", FieldValue::int16(256)}})->expires_ms, 256U);
}

TEST(QueueArguments, RefusesBadDurations) {
  for (const std::string name : {"x-expires", "x-message-ttl"}) {
    EXPECT_EQ(complaint({{name, number(-1)}}), invalid(name, "{value_negative,-1}"));
    EXPECT_EQ(complaint({{name, FieldValue::int8(-3)}}), invalid(name, "{value_negative,-3}"));
    EXPECT_EQ(complaint({{name, number(315'360'000'001)}}),
              invalid(name, "{value_too_large,315360000001}"));
  }
  EXPECT_EQ(complaint({{"x-expires", number(0)}}), invalid("x-expires", "{value_zero,0}"));
}

// Goal: only integers are integers; a timestamp, a decimal and a whole double are not.
TEST(QueueArguments, NamesTheTypeThatIsNoInteger) {
  const std::vector<std::pair<FieldValue, std::string>> types{
      {text("5"), "longstr"},
      {FieldValue::float64(5.0), "double"},
      {FieldValue::float32(1.5F), "float"},
      {FieldValue::boolean(true), "bool"},
      {FieldValue::void_value(), "void"},
      {FieldValue::decimal({1, 5}), "decimal"},
      {FieldValue::timestamp(5), "timestamp"},
      {FieldValue::array({}), "array"},
      {FieldValue::table({}), "table"},
      {FieldValue::byte_array("a"), "binary"},
  };
  for (const std::string name : {"x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes",
                                 "x-max-priority", "x-queue-version"}) {
    for (const auto& [value, type] : types) {
      EXPECT_EQ(complaint({{name, value}}),
                invalid(name, "\"expected integer, got " + type + "\""));
    }
  }
}

TEST(QueueArguments, RefusesBadLengthsAndPriorities) {
  for (const std::string name : {"x-max-length", "x-max-length-bytes", "x-max-priority"}) {
    EXPECT_EQ(complaint({{name, number(-1)}}), invalid(name, "{value_negative,-1}"));
  }
  EXPECT_EQ(complaint({{"x-max-priority", number(256)}}),
            invalid("x-max-priority", "{max_value_exceeded,256}"));
}

TEST(QueueArguments, RefusesBadWords) {
  EXPECT_EQ(complaint({{"x-overflow", text("a")}}), invalid("x-overflow", "invalid_overflow"));
  EXPECT_EQ(complaint({{"x-overflow", number(1)}}),
            invalid("x-overflow", "{unacceptable_type,long}"));
  EXPECT_EQ(complaint({{"x-queue-mode", text("a")}}),
            invalid("x-queue-mode", "\"unsupported queue mode 'a'\""));
  EXPECT_EQ(complaint({{"x-queue-mode", FieldValue::void_value()}}),
            invalid("x-queue-mode", "{unacceptable_type,void}"));
  EXPECT_EQ(complaint({{"x-queue-version", number(3)}}),
            invalid("x-queue-version", "\"unsupported queue version '3'\""));
  EXPECT_EQ(complaint({{"x-queue-version", number(-1)}}),
            invalid("x-queue-version", "{value_negative,-1}"));
  EXPECT_EQ(complaint({{"x-single-active-consumer", text("true")}}),
            invalid("x-single-active-consumer", "{unacceptable_type,longstr}"));
  EXPECT_EQ(complaint({{"x-queue-type", text("a")}}),
            invalid("x-queue-type", "\"unsupported queue type 'a'\""));
  EXPECT_EQ(complaint({{"x-queue-type", text("")}}),
            invalid("x-queue-type", "\"unsupported queue type ''\""));
  EXPECT_EQ(complaint({{"x-queue-type", FieldValue::byte_array("classic")}}),
            invalid("x-queue-type", "{unacceptable_type,binary}"));
}

TEST(QueueArguments, RefusesBadDeadLettering) {
  EXPECT_EQ(complaint({{"x-dead-letter-exchange", number(1)}}),
            "invalid type 'long' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'");
  EXPECT_EQ(complaint({{"x-dead-letter-routing-key", text("a")}}),
            invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"));
  EXPECT_EQ(complaint({{"x-dead-letter-exchange", text("")},
                       {"x-dead-letter-routing-key", text(std::string(255, 'k'))}}),
            "");
  EXPECT_EQ(complaint({{"x-dead-letter-exchange", text("")},
                       {"x-dead-letter-routing-key", text(std::string(256, 'k'))}}),
            invalid("x-dead-letter-routing-key", "\"longer than 255 bytes\""));
  EXPECT_EQ(complaint({{"x-dead-letter-routing-key", number(1)}}),
            invalid("x-dead-letter-routing-key", "{unacceptable_type,long}"));
}

// Goal: of several mistakes the one is told that RabbitMQ tells.
TEST(QueueArguments, ChecksInRabbitMqsOrder) {
  const std::vector<std::string> order{
      "x-dead-letter-exchange", "x-queue-type",       "x-expires",
      "x-message-ttl",          "x-dead-letter-routing-key", "x-max-length",
      "x-max-length-bytes",     "x-max-priority",     "x-overflow",
      "x-queue-mode",           "x-queue-version",    "x-single-active-consumer"};
  for (std::size_t first = 0; first < order.size(); ++first) {
    Fields fields{{"x-max-age", text("1h")}};
    for (std::size_t i = order.size(); i-- > first;) fields.emplace_back(order[i], number(-1));
    EXPECT_NE(complaint(fields).find("arg '" + order[first] + "'"), std::string::npos)
        << order[first] << ": " << complaint(fields);
  }
}

TEST(QueueArguments, RefusesArgumentsOfOtherTypes) {
  const auto of_other_type = [](const std::string& name) {
    return "invalid arg '" + name +
           "' for queue 'q' in vhost '/' of queue type rabbit_classic_queue";
  };
  for (const std::string name :
       {"x-max-age", "x-delivery-limit", "x-stream-max-segment-size-bytes",
        "x-initial-cluster-size", "x-quorum-initial-group-size", "x-max-in-memory-length",
        "x-max-in-memory-bytes", "x-dead-letter-strategy", "x-queue-leader-locator",
        "x-stream-filter-size-bytes"}) {
    EXPECT_EQ(complaint({{name, number(1)}}), of_other_type(name));
    EXPECT_EQ(complaint({{"x-queue-type", text("classic")}, {name, text("a")}}),
              of_other_type(name));
  }
  // The first one as sent is told.
  EXPECT_EQ(complaint({{"x-max-age", text("1h")}, {"x-delivery-limit", number(3)}}),
            of_other_type("x-max-age"));
  EXPECT_EQ(complaint({{"x-delivery-limit", number(3)}, {"x-max-age", text("1h")}}),
            of_other_type("x-delivery-limit"));
}

TEST(QueueArguments, KnowsHowLongADeliveryMayTake) {
  EXPECT_EQ(complaint({{"x-consumer-timeout", number(-1)}}),
            invalid("x-consumer-timeout", "{value_negative,-1}"));
  EXPECT_EQ(complaint({{"x-consumer-timeout", text("1s")}}),
            invalid("x-consumer-timeout", "\"expected integer, got longstr\""));
  for (const auto& [name, action] : {std::pair{"close-channel", AckTimeoutAction::close_channel},
                                     std::pair{"requeue", AckTimeoutAction::requeue}}) {
    FieldTable arguments;
    arguments.set("x-consumer-timeout", number(0));
    arguments.set("x-consumer-timeout-action", text(name));
    const auto settings = parse_queue_arguments("q", "/", {}, arguments);
    ASSERT_TRUE(settings) << name;
    EXPECT_EQ(settings->consumer_timeout_ms, 0U);
    EXPECT_EQ(settings->consumer_timeout_action, action);
  }
  EXPECT_EQ(shorter_timeout_ms(0, 5), 5U);
  EXPECT_EQ(shorter_timeout_ms(7, 5), 5U);
  EXPECT_EQ(shorter_timeout_ms(0, 0), 0U);
}

TEST(QueueArguments, AcceptsWhatMeansNothing) {
  for (const std::string name :
       {"x-ha-policy", "x-queue-master-locator", "x-foo", "other",
        "x-quorum-target-group-size", "x-max-segment-size"}) {
    EXPECT_EQ(complaint({{name, text("any")}}), "") << name;
  }
  EXPECT_EQ(complaint({{"x-queue-mode", text("default")}}), "");
  EXPECT_EQ(complaint({{"x-queue-mode", text("lazy")}}), "");
  EXPECT_EQ(complaint({{"x-queue-version", number(1)}}), "");
  EXPECT_EQ(complaint({{"x-queue-version", FieldValue::int8(2)}}), "");
  EXPECT_EQ(complaint({{"x-queue-type", text("classic")}}), "");
}

// ---- equivalence -------------------------------------------------------------------------------

/// The explanation of the refusal; empty when both say the same.
std::string difference(const Fields& existing, const Fields& received,
                       QueueFlags existing_flags = {}, QueueFlags received_flags = {}) {
  const FieldTable existing_table = table(existing);
  const FieldTable received_table = table(received);
  const auto checked = check_queue_equivalence("q", "/", {existing_flags, existing_table},
                                               {received_flags, received_table});
  return checked.has_value() ? std::string() : checked.error().explanation();
}

std::string inequivalent(const std::string& argument, const std::string& received,
                         const std::string& current) {
  return "inequivalent arg '" + argument + "' for queue 'q' in vhost '/': received " + received +
         " but current is " + current;
}

// Goal: the widths of integers and even a timestamp make no difference, a fraction type does.
TEST(QueueEquivalence, ComparesValuesNotTypes) {
  const FieldValue existing = FieldValue::int32(60000);
  for (const FieldValue& same : {FieldValue::int64(60000), FieldValue::uint16(60000),
                                 FieldValue::uint32(60000), FieldValue::timestamp(60000)}) {
    EXPECT_EQ(difference({{"x-expires", existing}}, {{"x-expires", same}}), "");
  }
  const std::vector<std::pair<FieldValue, std::string>> different{
      {FieldValue::int32(61000), "'61000'"},
      {FieldValue::int32(-1), "'-1'"},
      {text("60000"), "'60000'"},
      {FieldValue::float64(60000.0), "'6.0e4'"},
      {FieldValue::float64(1.5), "'1.5'"},
      {FieldValue::float64(1e22), "'1.0e22'"},
      {FieldValue::boolean(true), "'true'"},
      {FieldValue::boolean(false), "'false'"},
      {FieldValue::byte_array("ab"), "'ab'"},
      {text("a\"b"), "'a\"b'"},
      {FieldValue::uint32(4000000000), "'4000000000'"},
      {FieldValue::array({text("a"), FieldValue::int32(1)}),
       "'[{longstr,<<\"a\">>},{signedint,1}]'"},
      {FieldValue::table(table({{"a", FieldValue::int32(1)}, {"b", text("x")}})),
       "'[{<<\"a\">>,signedint,1},{<<\"b\">>,longstr,<<\"x\">>}]'"},
      {FieldValue::array({}), "'[]'"},
      {FieldValue::void_value(), "none"},
  };
  for (const auto& [value, shown] : different) {
    EXPECT_EQ(difference({{"x-expires", existing}}, {{"x-expires", value}}),
              inequivalent("x-expires", shown, "'60000'"));
  }
}

TEST(QueueEquivalence, ShowsTheTypeOfALoneValue) {
  const std::vector<std::pair<FieldValue, std::string>> values{
      {FieldValue::int32(60000), "the value '60000' of type 'signedint'"},
      {FieldValue::int8(5), "the value '5' of type 'byte'"},
      {FieldValue::int64(-5), "the value '-5' of type 'long'"},
      {FieldValue::uint32(4000000000), "the value '4000000000' of type 'unsignedint'"},
      {FieldValue::void_value(), "the value 'undefined' of type 'void'"},
      {FieldValue::float32(1.5F), "the value '1.5' of type 'float'"},
      {FieldValue::float64(0.1), "the value '0.1' of type 'double'"},
      {FieldValue::decimal({2, 314}), "the value '{2,314}' of type 'decimal'"},
      {FieldValue::timestamp(7), "the value '7' of type 'timestamp'"},
      {FieldValue::boolean(true), "the value 'true' of type 'bool'"},
      {FieldValue::byte_array("ab"), "the value 'ab' of type 'binary'"},
      {text("x"), "the value 'x' of type 'longstr'"},
      {FieldValue::array({}), "the value '[]' of type 'array'"},
      {FieldValue::table({}), "the value '[]' of type 'table'"},
  };
  for (const auto& [value, shown] : values) {
    EXPECT_EQ(difference({}, {{"x-expires", value}}), inequivalent("x-expires", shown, "none"));
    EXPECT_EQ(difference({{"x-expires", value}}, {}), inequivalent("x-expires", "none", shown));
  }
}

TEST(QueueEquivalence, TakesNoTypeForClassic) {
  EXPECT_EQ(difference({}, {{"x-queue-type", text("classic")}}), "");
  EXPECT_EQ(difference({{"x-queue-type", text("classic")}}, {}), "");
  EXPECT_EQ(difference({}, {{"x-queue-type", text("quorum")}}),
            inequivalent("x-queue-type", "the value 'quorum' of type 'longstr'", "none"));
  EXPECT_EQ(difference({{"x-queue-type", text("classic")}}, {{"x-queue-type", text("quorum")}}),
            inequivalent("x-queue-type", "'quorum'", "'classic'"));
  EXPECT_EQ(difference({}, {{"x-queue-type", FieldValue::int32(1)}}),
            inequivalent("x-queue-type", "the value '1' of type 'signedint'", "none"));
}

TEST(QueueEquivalence, ComparesTheFlagsFirst) {
  const QueueFlags plain;
  const QueueFlags durable{.durable = true};
  const QueueFlags auto_delete{.auto_delete = true};
  const QueueFlags both{.durable = true, .auto_delete = true};
  const Fields expires{{"x-expires", number(5)}};
  EXPECT_EQ(difference({}, {}, durable, plain), inequivalent("durable", "'false'", "'true'"));
  EXPECT_EQ(difference({}, {}, plain, durable), inequivalent("durable", "'true'", "'false'"));
  EXPECT_EQ(difference({}, {}, both, plain), inequivalent("durable", "'false'", "'true'"));
  EXPECT_EQ(difference(expires, {}, auto_delete, plain),
            inequivalent("auto_delete", "'false'", "'true'"));
  EXPECT_EQ(difference({}, {}, both, both), "");
}

// Goal: an exclusive queue is locked for whoever declares it otherwise; its durability is nothing.
TEST(QueueEquivalence, LocksExclusiveQueues) {
  const QueueFlags plain;
  const QueueFlags exclusive{.exclusive = true};
  const QueueFlags exclusive_durable{.durable = true, .exclusive = true};
  const std::string locked =
      "cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally "
      "declared on another connection or the exclusive property value does not match that of the "
      "original declaration.";
  EXPECT_EQ(difference({}, {}, exclusive, plain), locked);
  EXPECT_EQ(difference({}, {}, plain, exclusive), locked);
  EXPECT_EQ(difference({}, {}, exclusive, exclusive_durable), "");
  EXPECT_EQ(difference({}, {}, exclusive_durable, exclusive), "");
  EXPECT_EQ(locked_queue("q", "/").code(), ReplyCode::resource_locked);
}

TEST(QueueEquivalence, MindsOnlyWhatAClassicQueueKnows) {
  for (const std::string name :
       {"x-foo", "x-ha-policy", "x-max-age", "x-max-in-memory-length"}) {
    EXPECT_EQ(difference({}, {{name, number(1)}}), "") << name;
    EXPECT_EQ(difference({{name, number(1)}}, {}), "") << name;
  }
  // Arguments that mean nothing here still count when a queue is declared again.
  EXPECT_EQ(difference({{"x-queue-mode", text("lazy")}}, {}),
            inequivalent("x-queue-mode", "none", "the value 'lazy' of type 'longstr'"));
  EXPECT_EQ(difference({{"x-queue-master-locator", text("min-masters")}}, {}),
            inequivalent("x-queue-master-locator", "none",
                         "the value 'min-masters' of type 'longstr'"));
}

// Goal: of several differences the one is told that RabbitMQ tells; values are not validated.
TEST(QueueEquivalence, ComparesInRabbitMqsOrder) {
  const std::vector<std::string> order{
      "x-expires",         "x-message-ttl",      "x-dead-letter-exchange",
      "x-dead-letter-routing-key", "x-max-length", "x-max-length-bytes",
      "x-max-priority",    "x-overflow",         "x-queue-mode",
      "x-queue-version",   "x-single-active-consumer", "x-queue-type",
      "x-queue-master-locator"};
  for (std::size_t first = 0; first < order.size(); ++first) {
    Fields received;
    for (std::size_t i = order.size(); i-- > first;) received.emplace_back(order[i], text("zz"));
    EXPECT_EQ(difference({}, received),
              inequivalent(order[first], "the value 'zz' of type 'longstr'", "none"));
  }
}

}  // namespace
}  // namespace leveret::broker
