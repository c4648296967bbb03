#include "protocol/basic_properties.hpp"

#include <gtest/gtest.h>

#include <random>

#include "protocol/wire_writer.hpp"
#include "tests/unit/protocol/bytes_of_text.hpp"

namespace leveret::protocol {
namespace {

const Bytes header_content = bytes({1, 'k', 't', 1});

BasicProperties all_properties() {
  return {.content_type = "text/plain",
          .content_encoding = "utf-8",
          .headers = TableView{header_content},
          .delivery_mode = 2,
          .priority = 9,
          .correlation_id = "correlation",
          .reply_to = "reply",
          .expiration = "60000",
          .message_id = "id",
          .timestamp = 0x0102030405060708,
          .type = "type",
          .user_id = "guest",
          .app_id = "app",
          .cluster_id = ""};
}

std::string encoded(const BasicProperties& properties) {
  Bytes memory(properties.encoded_size());
  WireWriter writer(memory);
  properties.encode(writer);
  EXPECT_EQ(writer.position(), memory.size());
  return hex(memory);
}

std::string text(std::string_view short_string) {
  return hex(bytes({static_cast<int>(short_string.size())}) + bytes(short_string));
}

TEST(BasicProperties, AreEncodedInTheOrderOfTheirFlags) {
  EXPECT_EQ(encoded(all_properties()),
            "fffc" + text("text/plain") + text("utf-8") + "00000004" + hex(header_content) + "02" +
                "09" + text("correlation") + text("reply") + text("60000") + text("id") +
                "0102030405060708" + text("type") + text("guest") + text("app") + "00");
  EXPECT_EQ(encoded({}), "0000");
  EXPECT_EQ(encoded({.delivery_mode = 1}), "100001");
}

// Goal: any set of the 14 properties is read as it was written; absent ones stay absent.
TEST(BasicProperties, AreReadAsTheyWereWritten) {
  for (unsigned flags = 0; flags < (1u << 14); ++flags) {
    BasicProperties properties = all_properties();
    const auto keep = [&](unsigned bit, auto& property) {
      if ((flags & (1u << bit)) == 0) property.reset();
    };
    keep(0, properties.content_type);
    keep(1, properties.content_encoding);
    keep(2, properties.headers);
    keep(3, properties.delivery_mode);
    keep(4, properties.priority);
    keep(5, properties.correlation_id);
    keep(6, properties.reply_to);
    keep(7, properties.expiration);
    keep(8, properties.message_id);
    keep(9, properties.timestamp);
    keep(10, properties.type);
    keep(11, properties.user_id);
    keep(12, properties.app_id);
    keep(13, properties.cluster_id);
    const Bytes once = from_hex(encoded(properties));
    const auto decoded = BasicProperties::decode(once);
    ASSERT_TRUE(decoded) << flags;
    ASSERT_EQ(encoded(*decoded), hex(once)) << flags;
    ASSERT_EQ(decoded->content_type, properties.content_type);
    ASSERT_EQ(decoded->delivery_mode, properties.delivery_mode);
    ASSERT_EQ(decoded->expiration, properties.expiration);
    ASSERT_EQ(decoded->timestamp, properties.timestamp);
    ASSERT_EQ(decoded->cluster_id, properties.cluster_id);
    ASSERT_EQ(decoded->headers.has_value(), properties.headers.has_value());
  }
}

void expect_refused(const Bytes& input) {
  const auto decoded = BasicProperties::decode(input);
  ASSERT_FALSE(decoded) << hex(input);
  EXPECT_EQ(decoded.error().code(), ReplyCode::syntax_error);
}

TEST(BasicProperties, AreRefusedWhereverTheyAreCutOff) {
  const Bytes whole = from_hex(encoded(all_properties()));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    expect_refused(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

TEST(BasicProperties, AreRefusedWhenSomethingFollows) {
  expect_refused(bytes({0, 0, 0}));
  expect_refused(from_hex(encoded(all_properties())) + bytes({0}));
}

TEST(BasicProperties, AreRefusedWhenMoreFlagsShouldFollow) {
  expect_refused(bytes({0, 1}));
  expect_refused(bytes({0, 1, 0, 0}));
}

// Goal: the flag that means nothing is let pass, as by RabbitMQ.
TEST(BasicProperties, MayHaveTheFlagWithoutAMeaning) {
  const Bytes input = bytes({0x10, 2, 2});
  const auto properties = BasicProperties::decode(input);
  ASSERT_TRUE(properties);
  EXPECT_EQ(properties->delivery_mode, 2);
}

TEST(BasicProperties, SurviveRandomBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Bytes whole = from_hex(encoded(all_properties()));
  int read_count = 0;
  for (int round = 0; round < 50'000; ++round) {
    Bytes input = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      input[random() % input.size()] = static_cast<std::byte>(random());
    }
    const auto properties = BasicProperties::decode(input);
    if (!properties) continue;
    ++read_count;
    ASSERT_EQ(properties->encoded_size(), input.size());
  }
  EXPECT_GT(read_count, 1000);
}

}  // namespace
}  // namespace leveret::protocol
