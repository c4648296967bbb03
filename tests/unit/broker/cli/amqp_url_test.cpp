#include "broker/cli/amqp_url.hpp"

#include <gtest/gtest.h>

namespace leveret::cli {
namespace {

AmqpUrl parsed(std::string_view text) {
  const auto url = AmqpUrl::parse(text);
  EXPECT_TRUE(url.has_value()) << text << ": " << (url ? "" : url.error());
  return url.value_or(AmqpUrl{});
}

TEST(AmqpUrl, GivesAllItsParts) {
  const AmqpUrl url = parsed("amqp://alice:secret@broker.example:5673/orders");
  EXPECT_EQ(url.user, "alice");
  EXPECT_EQ(url.password, "secret");
  EXPECT_EQ(url.host, "broker.example");
  EXPECT_EQ(url.port, 5673);
  EXPECT_EQ(url.vhost, "orders");
}

TEST(AmqpUrl, FillsInWhatIsMissing) {
  const AmqpUrl url = parsed("amqp://");
  EXPECT_EQ(url.user, "guest");
  EXPECT_EQ(url.host, "127.0.0.1");
  EXPECT_EQ(url.port, 5672);
  EXPECT_EQ(url.vhost, "/");
  EXPECT_EQ(parsed("amqp://host/").vhost, "/");
  EXPECT_EQ(parsed("amqp://host:1").host, "host");
}

TEST(AmqpUrl, DecodesPercentSigns) {
  const AmqpUrl url = parsed("amqp://a%40b:p%3Aw%2f@host/%2F%c3%a4");
  EXPECT_EQ(url.user, "a@b");
  EXPECT_EQ(url.password, "p:w/");
  EXPECT_EQ(url.vhost, "/ä");
}

TEST(AmqpUrl, TakesAddressesOfIpv6AndIgnoresParameters) {
  const AmqpUrl url = parsed("amqp://[::1]:5699/v?heartbeat=5");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 5699);
  EXPECT_EQ(url.vhost, "v");
  EXPECT_EQ(parsed("amqp://[fe80::1]").host, "fe80::1");
}

TEST(AmqpUrl, SaysWhatIsWrong) {
  EXPECT_EQ(AmqpUrl::parse("http://host").error(),
            "'http://host' is no AMQP URL: it does not begin with amqp://");
  EXPECT_EQ(AmqpUrl::parse("amqp://host:99999").error(),
            "'amqp://host:99999' is no AMQP URL: the port is no number of 0 to 65535");
  for (const char* text : {"amqp://host:", "amqp://host:1x", "amqp://u%4:p@host", "amqp://h/%zz"}) {
    EXPECT_FALSE(AmqpUrl::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace leveret::cli
