/// Arguments and equivalence of exchange declarations: the answers of RabbitMQ.
#include "broker/core/exchange_arguments.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;
using protocol::ReplyCode;

FieldTable alternate(FieldValue value) {
  FieldTable result;
  result.set("alternate-exchange", std::move(value));
  return result;
}

Result<ExchangeSettings, protocol::AmqpError> parse(FieldTable arguments,
                                                    ExchangeType type = ExchangeType::direct) {
  return parse_exchange_arguments(
      {"/", "e1", type, false, false, false, {}, std::move(arguments)});
}

FieldValue text(std::string value) { return FieldValue::long_string(std::move(value)); }

TEST(ExchangeArguments, KnowsTheTypes) {
  EXPECT_EQ(check_exchange_type("topic").value(), ExchangeType::topic);
  for (const auto& [type, explanation] : std::vector<std::pair<std::string, std::string>>{
           {"zzz", "unknown exchange type 'zzz'"},
           {"Direct", "unknown exchange type 'Direct'"},
           {"x-jms-topic", "unknown exchange type 'x-jms-topic'"},
           {"", "invalid exchange type ''"}}) {
    const auto checked = check_exchange_type(type);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code(), ReplyCode::precondition_failed);
    EXPECT_EQ(checked.error().explanation(), explanation);
  }
}

TEST(ExchangeArguments, ReadsTheAlternateExchange) {
  EXPECT_EQ(parse({})->alternate_exchange, std::nullopt);
  EXPECT_EQ(parse(alternate(text("a")))->alternate_exchange, "a");
  EXPECT_EQ(parse(alternate(text("")))->alternate_exchange, "");
  FieldTable unknown;
  unknown.set("foo", FieldValue::int32(1));
  EXPECT_TRUE(parse(unknown).has_value());
}

// Goal: LavinMQ's name means the same, and nothing beside RabbitMQ's own.
TEST(ExchangeArguments, ReadsTheAlternateExchangeByLavinMqsName) {
  FieldTable arguments;
  arguments.set("x-alternate-exchange", text("a"));
  EXPECT_EQ(parse(arguments)->alternate_exchange, "a");
  arguments.set("alternate-exchange", text("b"));
  EXPECT_EQ(parse(arguments)->alternate_exchange, "b");
  FieldTable wrong;
  wrong.set("x-alternate-exchange", FieldValue::int32(1));
  EXPECT_EQ(parse(wrong).error().explanation(),
            "invalid type 'signedint' for arg 'x-alternate-exchange' in exchange 'e1' "
            "in vhost '/'");
}

TEST(ExchangeArguments, RefusesAnAlternateExchangeThatIsNoText) {
  for (const auto& [value, type] : std::vector<std::pair<FieldValue, std::string>>{
           {FieldValue::int32(1), "signedint"},
           {FieldValue::void_value(), "void"},
           {FieldValue::byte_array("a"), "binary"}}) {
    const auto parsed = parse(alternate(value));
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().code(), ReplyCode::precondition_failed);
    EXPECT_EQ(parsed.error().explanation(), "invalid type '" + type +
                                                "' for arg 'alternate-exchange' in exchange 'e1' "
                                                "in vhost '/'");
  }
}

// Goal: what to hash is an argument like any other where nothing is hashed, and looked at after the
// alternate exchange where it is.
TEST(ExchangeArguments, ChecksWhatToHashForConsistentHashOnly) {
  FieldTable both;
  both.set("hash-header", text("h"));
  EXPECT_TRUE(parse(both, ExchangeType::consistent_hash).has_value());
  both.set("hash-property", text("message_id"));
  EXPECT_TRUE(parse(both, ExchangeType::modulus_hash).has_value());
  const auto parsed = parse(both, ExchangeType::consistent_hash);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().explanation(), "hash-header and hash-property are mutually exclusive");
  both.set("alternate-exchange", FieldValue::int32(1));
  EXPECT_TRUE(parse(both, ExchangeType::consistent_hash)
                  .error()
                  .explanation()
                  .starts_with("invalid type 'signedint' for arg 'alternate-exchange'"));
}

class ExchangeEquivalence : public testing::Test {
 protected:
  static ExchangeDefinition exchange() {
    ExchangeDefinition definition;
    definition.vhost = "/";
    definition.name = "e";
    return definition;
  }

  /// The explanation of the refusal; empty when both say the same.
  static std::string difference(const ExchangeDefinition& existing,
                                const ExchangeDefinition& received) {
    const auto checked = check_exchange_equivalence(existing, received);
    if (checked.has_value()) return {};
    EXPECT_EQ(checked.error().code(), ReplyCode::precondition_failed);
    return checked.error().explanation();
  }

  static std::string inequivalent(const std::string& argument, const std::string& received,
                                  const std::string& current) {
    return "inequivalent arg '" + argument + "' for exchange 'e' in vhost '/': received " +
           received + " but current is " + current;
  }
};

// Goal: of several differences the first by type, durable, auto_delete, internal, arguments.
TEST_F(ExchangeEquivalence, KnowsTheAlternateExchangeByBothNames) {
  ExchangeDefinition existing = exchange(), received = exchange();
  existing.arguments = alternate(text("a"));
  received.arguments.set("x-alternate-exchange", text("a"));
  EXPECT_EQ(difference(existing, received), "");
  received.arguments.set("x-alternate-exchange", text("b"));
  EXPECT_NE(difference(existing, received), "");
}

TEST_F(ExchangeEquivalence, ComparesInRabbitMqsOrder) {
  ExchangeDefinition received = exchange();
  EXPECT_EQ(difference(exchange(), received), "");
  received.arguments = alternate(text("a"));
  EXPECT_EQ(difference(exchange(), received),
            inequivalent("alternate-exchange", "the value 'a' of type 'longstr'", "none"));
  received.internal = true;
  EXPECT_EQ(difference(exchange(), received), inequivalent("internal", "'true'", "'false'"));
  received.auto_delete = true;
  EXPECT_EQ(difference(exchange(), received), inequivalent("auto_delete", "'true'", "'false'"));
  received.durable = true;
  EXPECT_EQ(difference(exchange(), received), inequivalent("durable", "'true'", "'false'"));
  EXPECT_EQ(difference(received, exchange()), inequivalent("durable", "'false'", "'true'"));
  received.type = ExchangeType::topic;
  EXPECT_EQ(difference(exchange(), received), inequivalent("type", "'topic'", "'direct'"));
  received.type = ExchangeType::consistent_hash;
  EXPECT_EQ(difference(exchange(), received),
            inequivalent("type", "''x-consistent-hash''", "'direct'"));
}

TEST_F(ExchangeEquivalence, ComparesTheAlternateExchangeOnly) {
  ExchangeDefinition with_a = exchange();
  with_a.arguments = alternate(text("a"));
  ExchangeDefinition with_b = exchange();
  with_b.arguments = alternate(text("b"));
  ExchangeDefinition with_number = exchange();
  with_number.arguments = alternate(FieldValue::int32(1));
  ExchangeDefinition with_unknown = exchange();
  with_unknown.arguments.set("foo", FieldValue::int32(1));
  EXPECT_EQ(difference(with_a, with_a), "");
  EXPECT_EQ(difference(with_a, with_b), inequivalent("alternate-exchange", "'b'", "'a'"));
  EXPECT_EQ(difference(with_a, with_number), inequivalent("alternate-exchange", "'1'", "'a'"));
  EXPECT_EQ(difference(with_a, exchange()),
            inequivalent("alternate-exchange", "none", "the value 'a' of type 'longstr'"));
  EXPECT_EQ(difference(exchange(), with_unknown), "");
}

}  // namespace
}  // namespace leveret::broker
