/// What an x-consistent-hash exchange hashes: its arguments, and the hashes of messages.
#include "broker/core/hash_source.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "protocol/wire_writer.hpp"

namespace leveret::broker {
namespace {

using protocol::BasicProperties;
using protocol::FieldTable;
using protocol::FieldValue;
using Kind = HashSource::Kind;

FieldTable table(const std::vector<std::pair<std::string, FieldValue>>& fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

FieldValue text(std::string value) { return FieldValue::long_string(std::move(value)); }

std::string refusal(const FieldTable& arguments) {
  const auto parsed = parse_hash_source("exchange 'e' in vhost '/'", arguments);
  if (parsed.has_value()) return {};
  EXPECT_EQ(parsed.error().code(), protocol::ReplyCode::precondition_failed);
  return parsed.error().explanation();
}

TEST(HashSource, IsReadFromTheArguments) {
  EXPECT_EQ(parse_hash_source("", {})->kind, Kind::routing_key);
  EXPECT_EQ(parse_hash_source("", table({{"foo", text("bar")}}))->kind, Kind::routing_key);
  const auto header = parse_hash_source("", table({{"hash-header", text("tenant")}}));
  EXPECT_EQ(header->kind, Kind::header);
  EXPECT_EQ(header->header, "tenant");
  for (const auto& [name, kind] : std::vector<std::pair<std::string, Kind>>{
           {"message_id", Kind::message_id},
           {"correlation_id", Kind::correlation_id},
           {"timestamp", Kind::timestamp}}) {
    EXPECT_EQ(parse_hash_source("", table({{"hash-property", text(name)}}))->kind, kind);
  }
}

// Goal: LavinMQ's name means the same, and nothing beside RabbitMQ's own.
TEST(HashSource, IsKnownByLavinMqsNameToo) {
  const auto other = parse_hash_source("", table({{"x-hash-on", text("tenant")}}));
  EXPECT_EQ(other->kind, Kind::header);
  EXPECT_EQ(other->header, "tenant");
  const auto header =
      parse_hash_source("", table({{"x-hash-on", text("a")}, {"hash-header", text("b")}}));
  EXPECT_EQ(header->header, "b");
  const auto property = parse_hash_source(
      "", table({{"x-hash-on", text("a")}, {"hash-property", text("message_id")}}));
  EXPECT_EQ(property->kind, Kind::message_id);
}

TEST(HashSource, IsRefusedInRabbitMqsWords) {
  EXPECT_EQ(refusal(table({{"hash-property", text("app_id")}})), "Unsupported property: app_id");
  EXPECT_EQ(refusal(table({{"hash-property", text("nonsense")}, {"hash-header", text("h")}})),
            "hash-header and hash-property are mutually exclusive");
  for (const std::string name : {"hash-header", "hash-property", "x-hash-on"}) {
    EXPECT_EQ(refusal(table({{name, FieldValue::int32(1)}})),
              "invalid type 'signedint' for arg '" + name + "' in exchange 'e' in vhost '/'");
  }
}

class MessageHash : public testing::Test {
 protected:
  static std::uint64_t of(Kind kind, const BasicProperties& properties,
                          std::string_view key = "key") {
    return hash_message({kind, "h"}, key, properties);
  }
  static std::uint64_t of_header(const FieldTable& headers) {
    std::vector<std::byte> encoded(4 + headers.encoded_size());
    protocol::WireWriter writer(encoded);
    headers.encode(writer);
    BasicProperties properties;
    properties.headers = protocol::TableView{std::span(encoded).subspan(4)};
    return of(Kind::header, properties);
  }
};

TEST_F(MessageHash, ComesFromTheSourceAlone) {
  BasicProperties properties;
  properties.message_id = "m";
  properties.correlation_id = "c";
  properties.timestamp = 5;
  EXPECT_EQ(of(Kind::routing_key, properties), of(Kind::routing_key, {}));
  EXPECT_NE(of(Kind::routing_key, properties), of(Kind::routing_key, properties, "other"));
  EXPECT_EQ(of(Kind::message_id, properties), of(Kind::message_id, properties, "other"));
  EXPECT_EQ(of(Kind::message_id, properties), of(Kind::routing_key, {}, "m"));
  EXPECT_EQ(of(Kind::correlation_id, properties), of(Kind::routing_key, {}, "c"));
  BasicProperties later = properties;
  later.timestamp = 6;
  EXPECT_NE(of(Kind::timestamp, properties), of(Kind::timestamp, later));
}

// Goal: a header's value counts with its type, wherever it stands among others.
TEST_F(MessageHash, OfAHeaderIsOfItsTypeAndValue) {
  const std::uint64_t one = of_header(table({{"h", FieldValue::int32(1)}}));
  EXPECT_EQ(one, of_header(table({{"a", text("x")}, {"h", FieldValue::int32(1)}, {"z", {}}})));
  EXPECT_NE(one, of_header(table({{"h", FieldValue::int32(2)}})));
  EXPECT_NE(one, of_header(table({{"h", FieldValue::int64(1)}})));
  EXPECT_NE(one, of_header(table({{"h", text("1")}})));
  const FieldTable nested = table({{"in", FieldValue::int32(1)}});
  EXPECT_EQ(of_header(table({{"h", FieldValue::table(nested)}})),
            of_header(table({{"h", FieldValue::table(nested)}, {"a", {}}})));
}

TEST_F(MessageHash, IsOneForAllThatLackIt) {
  for (const Kind kind : {Kind::header, Kind::message_id, Kind::correlation_id, Kind::timestamp}) {
    EXPECT_EQ(of(kind, {}), of(Kind::message_id, {}));
  }
  EXPECT_EQ(of_header(table({{"other", FieldValue::int32(1)}})), of(Kind::header, {}));
}

}  // namespace
}  // namespace leveret::broker
