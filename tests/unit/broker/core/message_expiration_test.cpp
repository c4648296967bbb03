/// The property expiration: accepted values and the texts of RabbitMQ 3.10.8 for the others.
#include "broker/core/message_expiration.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

TEST(MessageExpiration, ReadsWholeMilliseconds) {
  const std::vector<std::pair<std::string, std::uint64_t>> cases{
      {"0", 0}, {"1", 1},   {"100", 100}, {"-0", 0},
      {"+5", 5}, {"007", 7}, {"000", 0},   {"315360000000", 315'360'000'000}};
  for (const auto& [text, expected_ms] : cases) {
    const auto parsed = parse_message_expiration(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(*parsed, expected_ms) << text;
  }
}

TEST(MessageExpiration, RefusesAnythingElse) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"abc", "no_integer"},
      {"", "no_integer"},
      {"-1", "{value_negative,-1}"},
      {"-007", "{value_negative,-7}"},
      {"++5", "no_integer"},
      {"+-5", "no_integer"},
      {"--5", "no_integer"},
      {"-", "no_integer"},
      {"+", "no_integer"},
      {" 5", "no_integer"},
      {"\n5", "no_integer"},
      {"\xD9\xA3", "no_integer"},  // An Arabic digit three.
      {"5 ", "{leftover_string,\" \"}"},
      {"5x", "{leftover_string,\"x\"}"},
      {"5.5", "{leftover_string,\".5\"}"},
      {"1e3", "{leftover_string,\"e3\"}"},
      {"0x10", "{leftover_string,\"x10\"}"},
      {"16#ff", "{leftover_string,\"#ff\"}"},
      {"1_000", "{leftover_string,\"_000\"}"},
      {"5\n", "{leftover_string,\"\\n\"}"},
      {"5\"b", "{leftover_string,\"\\\"b\"}"},
      {"5'q", "{leftover_string,\"'q\"}"},
      {"5\xC3\xA9", "{leftover_string,\"\xC3\xA9\"}"},
      {"5\0"s, "{leftover_string,[0]}"},
      {"5\t\x1b\x7f\xE2\x82\xAC", "{leftover_string,[9,27,127,226,130,172]}"},
      {"315360000001", "{value_too_large,315360000001}"},
      {"99999999999999999999999", "{value_too_large,99999999999999999999999}"},
      {"-9223372036854775809", "{value_negative,-9223372036854775809}"},
  };
  for (const auto& [text, reason] : cases) {
    const auto parsed = parse_message_expiration(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code(), protocol::ReplyCode::precondition_failed);
    EXPECT_EQ(parsed.error().explanation(), "invalid expiration '" + text + "': " + reason);
  }
}

}  // namespace
}  // namespace leveret::broker
