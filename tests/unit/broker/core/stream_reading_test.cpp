#include "broker/core/stream_reading.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "broker/core/stream_message.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;

StreamReading parsed(const char* name, FieldValue value) {
  FieldTable arguments;
  arguments.set(name, std::move(value));
  auto reading = parse_stream_reading("queue 's' in vhost '/'", arguments);
  EXPECT_TRUE(reading.has_value()) << reading.error().explanation();
  return reading ? std::move(*reading) : StreamReading{};
}

template <class Start>
Start start_of(FieldValue value) {
  const auto reading = parsed("x-stream-offset", std::move(value));
  const Start* start = std::get_if<Start>(&reading.start.from);
  EXPECT_NE(start, nullptr);
  return start == nullptr ? Start{} : *start;
}

std::string complaint(const char* name, FieldValue value) {
  FieldTable arguments;
  arguments.set(name, std::move(value));
  const auto reading = parse_stream_reading("queue 's' in vhost '/'", arguments);
  if (reading) return "";
  EXPECT_EQ(reading.error().code(), protocol::ReplyCode::precondition_failed);
  return std::string(reading.error().explanation());
}

FieldValue text(std::string value) { return FieldValue::long_string(std::move(value)); }

TEST(StreamReading, BeginsWithWhatComesNextUnlessToldOtherwise) {
  const auto reading = parse_stream_reading("", {});
  ASSERT_TRUE(reading.has_value());
  EXPECT_TRUE(std::holds_alternative<StreamStart::Next>(reading->start.from));
  EXPECT_TRUE(reading->filters.empty());
  EXPECT_FALSE(reading->match_unfiltered);
}

TEST(StreamReading, BeginsWhereItIsTold) {
  start_of<StreamStart::First>(text("first"));
  start_of<StreamStart::Last>(text("last"));
  start_of<StreamStart::Next>(text("next"));
  EXPECT_EQ(start_of<StreamOffset>(FieldValue::int64(INT64_MAX)), StreamOffset{INT64_MAX});
  EXPECT_EQ(start_of<StreamOffset>(FieldValue::uint8(7)), StreamOffset{7});
  EXPECT_EQ(start_of<StreamOffset>(FieldValue::int32(-1)), StreamOffset{0}) << "as RabbitMQ";
  EXPECT_EQ(start_of<StreamStart::Time>(FieldValue::timestamp(1'700'000'000)).time,
            WallTime{1'700'000'000'000});
  EXPECT_EQ(start_of<StreamStart::Time>(FieldValue::timestamp(UINT64_MAX / 4)).time,
            WallTime{INT64_MAX / 1000 * 1000});
  EXPECT_EQ(start_of<StreamStart::Interval>(text("2h")).duration_ms, 7'200'000U);
}

TEST(StreamReading, RefusesWhatMeansNothing) {
  const std::string before = "invalid arg 'x-stream-offset' for queue 's' in vhost '/': "
                             "{invalid_stream_offset_arg,";
  EXPECT_EQ(complaint("x-stream-offset", text("5")), before + "{longstr,<<\"5\">>}}");
  EXPECT_EQ(complaint("x-stream-offset", FieldValue::boolean(true)), before + "{bool,true}}");
  for (const char* word : {"", "First", "h", "1", "-1h", "1w", "1hh", "yesterday"}) {
    EXPECT_NE(complaint("x-stream-offset", text(word)), "") << word;
  }
  EXPECT_NE(complaint("x-stream-offset", FieldValue::float64(1.5)), "");
  EXPECT_NE(complaint("x-stream-filter", FieldValue::int32(1)), "");
  EXPECT_NE(complaint("x-stream-filter", FieldValue::array({})), "");
  EXPECT_NE(complaint("x-stream-filter", FieldValue::array({text("a"), FieldValue::int32(1)})), "");
  EXPECT_NE(complaint("x-stream-match-unfiltered", text("yes")), "");
}

TEST(StreamReading, WantsOnlyMessagesOfItsFilters) {
  const auto message = [](FieldValue value) {
    FieldTable headers;
    headers.set("first", FieldValue::int32(1));
    headers.set("x-stream-filter-value", std::move(value));
    headers.set("last", FieldValue::int32(1));
    return Shards::message_with("", headers);
  };
  StreamReading reading =
      parsed("x-stream-filter", FieldValue::array({text("invoices"), text("")}));
  EXPECT_TRUE(reading.wants(message(text("invoices"))->properties()));
  EXPECT_TRUE(reading.wants(message(text(""))->properties()));
  EXPECT_FALSE(reading.wants(message(text("invoice"))->properties()));
  EXPECT_FALSE(reading.wants(message(FieldValue::int32(5))->properties()));
  EXPECT_FALSE(reading.wants(Shards::message("")->properties()));
  reading.match_unfiltered = true;
  EXPECT_FALSE(reading.wants(message(text("invoice"))->properties()));
  EXPECT_TRUE(reading.wants(message(FieldValue::int32(5))->properties()));
  EXPECT_TRUE(reading.wants(Shards::message("")->properties()));
}

// ---- the offset in a message -------------------------------------------------------------------

FieldTable headers_of(const Message& message) {
  const auto properties = protocol::BasicProperties::decode(message.properties());
  return properties && properties->headers ? *properties->headers->decode() : FieldTable{};
}

TEST(StreamMessage, HasItsOffsetBehindItsHeaders) {
  FieldTable headers;
  headers.set("x-stream-offset", text("mine"));
  headers.set("a", FieldValue::int32(1));
  headers.append("x-stream-offset", FieldValue::int64(77));
  const auto published = Shards::message_with("body", headers);
  EXPECT_EQ(stream_offset_of(*published), std::nullopt) << "the first of that name is no offset";

  const auto kept = with_stream_offset(*published, StreamOffset{1ull << 40});
  FieldTable expected;
  expected.set("a", FieldValue::int32(1));
  expected.set("x-stream-offset", FieldValue::int64(1ll << 40));
  EXPECT_EQ(headers_of(*kept), expected);
  EXPECT_EQ(stream_offset_of(*kept), StreamOffset{1ull << 40});
  EXPECT_EQ(protocol::text_of(kept->body()), "body");
}

TEST(StreamMessage, KeepsAllElse) {
  std::string keys = "key";
  const std::string_view blind[] = {keys};
  auto message = Message::create("exchange", "routing key", Shards::message("", 5)->properties(),
                                 100'000, write_blind_keys(blind));
  message->append_body(protocol::bytes_of(std::string(100'000, 'x')));
  const auto kept = with_stream_offset(*message, StreamOffset{0});
  EXPECT_EQ(kept->exchange(), "exchange");
  EXPECT_EQ(kept->routing_key(), "routing key");
  EXPECT_EQ(kept->priority(), 5);
  EXPECT_EQ(read_blind_keys(kept->blind_keys()), std::vector<std::string_view>{"key"});
  EXPECT_EQ(kept->body().size(), 100'000U);
  EXPECT_EQ(stream_offset_of(*kept), StreamOffset{0});
  EXPECT_EQ(stream_offset_of(*message), std::nullopt);
}

}  // namespace
}  // namespace leveret::broker
