#include "broker/core/reply_token.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace leveret::broker {
namespace {

constexpr std::uint16_t shard_count = 4;
constexpr ChannelRef channel{ShardId{3}, {0x01020304, 0xFFFFFFFE}};

TEST(ReplyToken, ComesBackFromItsName) {
  for (int i = 0; i < 1000; ++i) {
    const ReplyToken token = ReplyToken::generate(channel);
    const auto parsed = ReplyToken::parse(token.queue_name(), shard_count);
    ASSERT_TRUE(parsed) << token.queue_name();
    EXPECT_EQ(*parsed, token);
  }
}

// Goal: a client may put the name where AMQP takes a short string or a topic's word.
TEST(ReplyToken, HasANameOfLettersAndDigits) {
  const std::string name = ReplyToken::generate(channel).queue_name();
  EXPECT_TRUE(name.starts_with("amq.rabbitmq.reply-to."));
  EXPECT_LT(name.size(), 128U);
  const std::string token = name.substr(22);
  EXPECT_EQ(token.find_first_not_of(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(ReplyToken, IsAnotherEachTime) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(ReplyToken::generate(channel).queue_name());
  EXPECT_EQ(names.size(), 1000U);
}

// Goal: one token, one text: no other name leads to the same requester.
TEST(ReplyToken, RefusesEveryOtherName) {
  const ReplyToken token = ReplyToken::generate(channel);
  const std::string name = token.queue_name();
  for (const std::string& wrong :
       {std::string(), std::string("amq.rabbitmq.reply-to"), std::string("amq.rabbitmq.reply-to."),
        name.substr(1), name.substr(0, name.size() - 1), name + "A", " " + name,
        "amq.rabbitmq.reply-to-" + name.substr(22)}) {
    EXPECT_FALSE(ReplyToken::parse(wrong, shard_count)) << wrong;
  }
  for (std::size_t at = 22; at < name.size(); ++at) {
    for (const char character : {'A', 'b', '9', '-', '_', '.', '=', '\0'}) {
      std::string wrong = name;
      if (wrong[at] == character) continue;
      wrong[at] = character;
      const auto parsed = ReplyToken::parse(wrong, shard_count);
      EXPECT_FALSE(parsed && *parsed == token) << wrong;
    }
  }
}

// Goal: a made-up name must not make anybody look for a shard that is not there.
TEST(ReplyToken, NamesNoShardThatTheNodeDoesNotHave) {
  const std::string name = ReplyToken::generate(channel).queue_name();
  EXPECT_TRUE(ReplyToken::parse(name, 4));
  EXPECT_FALSE(ReplyToken::parse(name, 3));
  EXPECT_FALSE(ReplyToken::parse("amq.rabbitmq.reply-to." + std::string(35, '_'), 0xFFFF));
}

}  // namespace
}  // namespace leveret::broker
