#include "broker/session/publish_assembler.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/field_table.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {
namespace {

using protocol::BasicProperties;
using protocol::bytes_of;
using protocol::FieldTable;
using protocol::FieldValue;
using protocol::text_of;
using Awaiting = PublishAssembler::Awaiting;

constexpr std::uint64_t size_max_bytes = 1000;

std::string encoded(const BasicProperties& properties) {
  std::string bytes(properties.encoded_size(), '\0');
  protocol::WireWriter writer(std::as_writable_bytes(std::span(bytes)));
  properties.encode(writer);
  return bytes;
}

/// A content header's payload.
std::string header(std::uint64_t body_size, const std::string& properties = encoded({}),
                   std::uint16_t class_id = 60, std::uint16_t weight = 0) {
  std::string bytes(12, '\0');
  protocol::WireWriter writer(std::as_writable_bytes(std::span(bytes)));
  writer.write_u16(class_id);
  writer.write_u16(weight);
  writer.write_u64(body_size);
  return bytes + properties;
}

std::string header_with(const FieldTable& headers, BasicProperties properties = {}) {
  std::string bytes(4 + headers.encoded_size(), '\0');
  protocol::WireWriter writer(std::as_writable_bytes(std::span(bytes)));
  headers.encode(writer);
  properties.headers = protocol::TableView{std::as_bytes(std::span(bytes)).subspan(4)};
  return header(0, encoded(properties));
}

PublishAssembler started(std::string_view exchange = "e", std::string_view key = "k") {
  PublishAssembler assembler;
  assembler.start({0, exchange, key, true, false});
  return assembler;
}

std::string refusal(const std::string& payload, std::string_view reply_name = "") {
  PublishAssembler assembler = started();
  const auto result = assembler.add_header(bytes_of(payload), reply_name, size_max_bytes);
  return result ? "" : result.error().reply_text();
}

TEST(PublishAssembler, PutsAMessageTogether) {
  PublishAssembler assembler;
  EXPECT_EQ(assembler.awaiting(), Awaiting::method);
  assembler.start({0, "e", "k", true, false});
  EXPECT_EQ(assembler.awaiting(), Awaiting::header);
  const std::string properties = encoded({.delivery_mode = 2, .correlation_id = "c"});
  ASSERT_TRUE(assembler.add_header(bytes_of(header(6, properties)), "", size_max_bytes));
  EXPECT_EQ(assembler.awaiting(), Awaiting::body);
  EXPECT_FALSE(assembler.complete());
  ASSERT_TRUE(assembler.add_body(bytes_of("abc")));
  EXPECT_FALSE(assembler.complete());
  ASSERT_TRUE(assembler.add_body(bytes_of("def")));
  ASSERT_TRUE(assembler.complete());

  const auto& publish = assembler.finish();
  EXPECT_EQ(publish.message->exchange(), "e");
  EXPECT_EQ(publish.message->routing_key(), "k");
  EXPECT_EQ(text_of(publish.message->properties()), properties);
  EXPECT_EQ(text_of(publish.message->body()), "abcdef");
  EXPECT_EQ(publish.properties.delivery_mode, 2);
  EXPECT_TRUE(publish.mandatory);
  EXPECT_FALSE(publish.immediate);
  EXPECT_TRUE(publish.extra_routing_keys.empty());
  EXPECT_EQ(assembler.awaiting(), Awaiting::method);
}

TEST(PublishAssembler, NeedsNoBodyFrameForAnEmptyBody) {
  PublishAssembler assembler = started();
  ASSERT_TRUE(assembler.add_header(bytes_of(header(0)), "", size_max_bytes));
  EXPECT_TRUE(assembler.complete());
}

// Goal: nothing of one message is found in the next.
TEST(PublishAssembler, BeginsAnew) {
  PublishAssembler assembler = started();
  const FieldTable headers = [] {
    FieldTable table;
    table.set("CC", FieldValue::array({FieldValue::long_string("copy")}));
    return table;
  }();
  ASSERT_TRUE(assembler.add_header(bytes_of(header_with(headers)), "", size_max_bytes));
  EXPECT_EQ(assembler.finish().extra_routing_keys, (std::vector<std::string>{"copy"}));
  assembler.start({0, "other", "key", false, true});
  ASSERT_TRUE(assembler.add_header(bytes_of(header(0)), "", size_max_bytes));
  const auto& publish = assembler.finish();
  EXPECT_TRUE(publish.extra_routing_keys.empty());
  EXPECT_EQ(publish.message->exchange(), "other");
  EXPECT_FALSE(publish.mandatory);
  EXPECT_TRUE(publish.immediate);
  EXPECT_FALSE(publish.properties.headers);
}

TEST(PublishAssembler, RefusesHeadersThatDoNotFit) {
  EXPECT_EQ(refusal(header(0, encoded({}), 61)),
            "UNEXPECTED_FRAME - expected content header for class 60, got one for class 61 "
            "instead");
  EXPECT_EQ(refusal(header(0, encoded({}), 60, 1)),
            "UNEXPECTED_FRAME - expected content header for class 60, got non content header "
            "frame instead");
  EXPECT_EQ(refusal(header(size_max_bytes)), "");
  EXPECT_EQ(refusal(header(size_max_bytes + 1)),
            "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000");
  EXPECT_EQ(refusal(header(536870913)),
            "FRAME_ERROR - content body size 536870913 exceeds maximum allowed size 536870912");
  EXPECT_TRUE(refusal(header(0, "\x80")).starts_with("SYNTAX_ERROR - "));
  EXPECT_TRUE(refusal(header(0, std::string("\x80\0\x05" "ab", 5))).starts_with("SYNTAX_ERROR - "));
}

TEST(PublishAssembler, RefusesMoreBodyThanPromised) {
  PublishAssembler assembler = started();
  ASSERT_TRUE(assembler.add_header(bytes_of(header(3)), "", size_max_bytes));
  ASSERT_TRUE(assembler.add_body(bytes_of("ab")));
  const auto result = assembler.add_body(bytes_of("cd"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reply_text(),
            "FRAME_ERROR - content body frame exceeds remaining content size");
}

TEST(PublishAssembler, TakesKeysOutOfHeaders) {
  FieldTable headers;
  headers.set("a", FieldValue::int32(1));
  headers.set("CC",
              FieldValue::array({FieldValue::long_string("x"), FieldValue::long_string("y")}));
  headers.set("BCC", FieldValue::array({FieldValue::long_string("z")}));
  PublishAssembler assembler = started();
  ASSERT_TRUE(assembler.add_header(bytes_of(header_with(headers)), "", size_max_bytes));
  const auto& publish = assembler.finish();
  EXPECT_EQ(publish.extra_routing_keys, (std::vector<std::string>{"x", "y", "z"}));
  const auto seen =
      BasicProperties::decode(publish.message->properties())->headers->decode();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->size(), 2U);
  EXPECT_NE(seen->find("CC"), nullptr);
  EXPECT_EQ(seen->find("BCC"), nullptr);
  EXPECT_EQ(read_blind_keys(publish.message->blind_keys()), (std::vector<std::string_view>{"z"}));
}

TEST(PublishAssembler, RefusesMoreBlindKeysThanAMessageKeeps) {
  FieldTable headers;
  const protocol::FieldArray keys(300, FieldValue::long_string(std::string(300, 'z')));
  headers.set("BCC", FieldValue::array(keys));
  PublishAssembler assembler = started();
  ASSERT_TRUE(assembler.add_header(bytes_of(header_with(headers)), "", size_max_bytes));
  const auto& publish = assembler.finish();
  ASSERT_TRUE(publish.bad_extra_routing_keys);
  EXPECT_EQ(publish.bad_extra_routing_keys->reply_text(),
            "PRECONDITION_FAILED - the keys of BCC are longer than 65535 bytes");
}

// Goal: RabbitMQ complains when it routes, after it has looked for the exchange, not before.
TEST(PublishAssembler, KeepsBadKeysForLater) {
  FieldTable headers;
  headers.set("CC", FieldValue::int32(1));
  PublishAssembler assembler = started();
  ASSERT_TRUE(assembler.add_header(bytes_of(header_with(headers)), "", size_max_bytes));
  EXPECT_TRUE(assembler.finish().bad_extra_routing_keys.has_value());
}

// Goal: texts that only look like the headers' names change nothing.
TEST(PublishAssembler, LeavesOtherHeadersAsTheyAre) {
  FieldTable headers;
  headers.set("x", FieldValue::long_string("\x02" "CC"));
  headers.set("y", FieldValue::long_string("\x03" "BCC"));
  const std::string payload = header_with(headers);
  PublishAssembler assembler = started();
  ASSERT_TRUE(assembler.add_header(bytes_of(payload), "", size_max_bytes));
  const auto& publish = assembler.finish();
  EXPECT_TRUE(publish.extra_routing_keys.empty());
  EXPECT_EQ(text_of(publish.message->properties()), payload.substr(12));
}

TEST(PublishAssembler, PutsTheReplyAddressIn) {
  const auto reply_to_of = [](const BasicProperties& properties, std::string_view reply_name) {
    PublishAssembler assembler = started();
    EXPECT_TRUE(
        assembler.add_header(bytes_of(header(0, encoded(properties))), reply_name, size_max_bytes));
    const auto decoded = BasicProperties::decode(assembler.finish().message->properties());
    return std::string(decoded->reply_to.value_or("none"));
  };
  const std::string address = "amq.rabbitmq.reply-to.token";
  EXPECT_EQ(reply_to_of({.reply_to = "amq.rabbitmq.reply-to"}, address), address);
  EXPECT_EQ(reply_to_of({.reply_to = "amq.rabbitmq.reply-to"}, ""), "amq.rabbitmq.reply-to");
  EXPECT_EQ(reply_to_of({.reply_to = "amq.rabbitmq.reply-to.other"}, address),
            "amq.rabbitmq.reply-to.other");
  EXPECT_EQ(reply_to_of({.reply_to = "q"}, address), "q");
  EXPECT_EQ(reply_to_of({}, address), "none");
}

TEST(PublishAssembler, KnowsAReply) {
  EXPECT_TRUE(started("", "amq.rabbitmq.reply-to.token").is_reply());
  EXPECT_FALSE(started("e", "amq.rabbitmq.reply-to.token").is_reply());
  EXPECT_FALSE(started("", "q").is_reply());
}

}  // namespace
}  // namespace leveret::broker
