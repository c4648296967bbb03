/// Responses to connection.start: PLAIN and AMQPLAIN, right and wrong.
#include "broker/session/sasl.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/field_table.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {
namespace {

using namespace std::string_literals;
using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldValue;

std::string shown(const Result<Credentials, AmqpError>& result) {
  if (result) return result->user + "/" + result->password;
  return result.error().reply_text();
}

std::string plain(const std::string& response) {
  return shown(parse_sasl_response("PLAIN", std::as_bytes(std::span(response))));
}

std::string amqplain(const FieldTable& table) {
  // Encoded with the length, which AMQPLAIN leaves out.
  std::vector<std::byte> bytes(4 + table.encoded_size());
  protocol::WireWriter writer(bytes);
  table.encode(writer);
  return shown(parse_sasl_response("AMQPLAIN", std::span<const std::byte>(bytes).subspan(4)));
}

TEST(Sasl, ReadsPlain) {
  EXPECT_EQ(plain("\0guest\0secret"s), "guest/secret");
  EXPECT_EQ(plain("\0u\0p\xC3\xA4 /\xFF"s), "u/p\xC3\xA4 /\xFF");
  // Whether an empty name or password is any good is for the users to say.
  EXPECT_EQ(plain("\0guest\0"s), "guest/");
  EXPECT_EQ(plain("\0\0secret"s), "/secret");
}

TEST(Sasl, RefusesPlainOfAnotherForm) {
  const std::string refusal = "SYNTAX_ERROR - the PLAIN response is invalid";
  EXPECT_EQ(plain(""), refusal);
  EXPECT_EQ(plain("\0"s), refusal);
  EXPECT_EQ(plain("\0guest"s), refusal);
  EXPECT_EQ(plain("guest\0secret"s), refusal);
  EXPECT_EQ(plain("admin\0guest\0secret"s), refusal);  // An identity to act for.
  EXPECT_EQ(plain("\0guest\0sec\0ret"s), refusal);
  EXPECT_EQ(plain("\0guest\0secret\0"s), refusal);
}

TEST(Sasl, ReadsAmqplain) {
  FieldTable table;
  table.set("LOGIN", FieldValue::long_string("guest"));
  table.set("PASSWORD", FieldValue::long_string("secret"));
  EXPECT_EQ(amqplain(table), "guest/secret");
  table.set("more", FieldValue::int32(1));
  EXPECT_EQ(amqplain(table), "guest/secret");
}

TEST(Sasl, RefusesAmqplainWithoutItsFields) {
  const std::string refusal =
      "SYNTAX_ERROR - AMQPLAIN auth info is missing LOGIN or PASSWORD field";
  FieldTable table;
  EXPECT_EQ(amqplain(table), refusal);
  table.set("LOGIN", FieldValue::long_string("guest"));
  EXPECT_EQ(amqplain(table), refusal);
  table.set("password", FieldValue::long_string("secret"));
  EXPECT_EQ(amqplain(table), refusal);
}

TEST(Sasl, RefusesAmqplainWithFieldsThatAreNoText) {
  FieldTable table;
  table.set("LOGIN", FieldValue::long_string("guest"));
  table.set("PASSWORD", FieldValue::int32(1));
  EXPECT_EQ(amqplain(table),
            "SYNTAX_ERROR - AMQPLAIN auth info uses unsupported type for LOGIN or PASSWORD field");
}

TEST(Sasl, RefusesAmqplainThatIsNoTable) {
  const std::string response = "\x05LOGIN";
  const auto result = parse_sasl_response("AMQPLAIN", std::as_bytes(std::span(response)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), protocol::ReplyCode::syntax_error);
}

TEST(Sasl, RefusesMechanismsThatItDoesNotHave) {
  for (const std::string mechanism : {"", "plain", "EXTERNAL", "ANONYMOUS", "PLAIN "}) {
    const auto result = parse_sasl_response(mechanism, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reply_text(),
              "COMMAND_INVALID - unknown authentication mechanism '" + mechanism + "'");
  }
}

// Goal: what is offered is implemented.
TEST(Sasl, ImplementsWhatItLists) {
  for (const std::string_view mechanism : supported_sasl_mechanisms) {
    const auto result = parse_sasl_response(mechanism, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), protocol::ReplyCode::syntax_error) << mechanism;
  }
}

}  // namespace
}  // namespace leveret::broker
