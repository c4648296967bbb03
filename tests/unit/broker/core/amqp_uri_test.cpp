/// URIs of AMQP, as RabbitMQ's Erlang client reads them.
#include "broker/core/amqp_uri.hpp"

#include <gtest/gtest.h>

namespace leveret::broker {
namespace {

using Texts = std::vector<std::string>;

std::string refusal(std::string_view text) {
  const auto uri = AmqpUri::parse(text);
  return uri ? "no refusal" : uri.error();
}

TEST(AmqpUri, ReadsAllParts) {
  const auto uri = AmqpUri::parse(
      "amqp://us%40er:p%3Aw@host.example:5673/v%2Fh"
      "?heartbeat=4&connection_timeout=500&channel_max=3&frame_max=5000&auth_mechanism=amqplain");
  ASSERT_TRUE(uri) << uri.error();
  EXPECT_FALSE(uri->is_tls);
  EXPECT_EQ(uri->host, "host.example");
  EXPECT_EQ(uri->port, 5673);
  EXPECT_EQ(uri->user, "us@er");
  EXPECT_EQ(uri->password, "p:w");
  EXPECT_EQ(uri->vhost, "v/h");
  EXPECT_EQ(uri->heartbeat_s, 4);
  EXPECT_EQ(uri->connection_timeout_ms, 500U);
  EXPECT_EQ(uri->channel_max, 3);
  EXPECT_EQ(uri->frame_max_bytes, 5000U);
  EXPECT_EQ(uri->mechanisms, Texts{"AMQPLAIN"});
}

TEST(AmqpUri, HasRabbitMqsDefaults) {
  const auto uri = AmqpUri::parse("amqp://host");
  ASSERT_TRUE(uri) << uri.error();
  EXPECT_EQ(uri->port, 5672);
  EXPECT_EQ(uri->user, std::nullopt);
  EXPECT_EQ(uri->vhost, std::nullopt);
  EXPECT_EQ(uri->heartbeat_s, 10);
  EXPECT_EQ(uri->mechanisms, (Texts{"PLAIN", "AMQPLAIN"}));
  EXPECT_EQ(AmqpUri::parse("AMQPS://host")->port, 5671);
  EXPECT_TRUE(AmqpUri::parse("amqps://host")->is_tls);
}

TEST(AmqpUri, MeansThisBrokerWithoutAHost) {
  EXPECT_TRUE(AmqpUri::parse("amqp://")->is_local());
  EXPECT_TRUE(AmqpUri::parse("amqp:///vhost")->is_local());
  EXPECT_EQ(AmqpUri::parse("amqp:///vhost")->vhost, "vhost");
  EXPECT_EQ(AmqpUri::parse("amqp:///")->vhost, "");  // Not the default: a slash was said.
  EXPECT_EQ(AmqpUri::parse("amqp://user@/v")->user, "user");
}

TEST(AmqpUri, ReadsAddressesOfVersion6) {
  const auto uri = AmqpUri::parse("amqp://[::1]:5672/x");
  ASSERT_TRUE(uri) << uri.error();
  EXPECT_EQ(uri->host, "::1");
  EXPECT_EQ(uri->port, 5672);
}

// The texts are those of RabbitMQ 3.10.8, without its breaks of long lines.
TEST(AmqpUri, RefusesInRabbitMqsWords) {
  EXPECT_EQ(refusal("http://x"), R"({{unexpected_uri_scheme,"http"},"http://x"})");
  EXPECT_EQ(refusal("amqp://h/%zz"), R"({{invalid_entitiy,['%',122,122]},"amqp://h/%zz"})");
  EXPECT_EQ(refusal("amqp://h/%2"), R"({{unterminated_entity,['%',50]},"amqp://h/%2"})");
  EXPECT_EQ(refusal("amqp://h/a/b"), R"({{invalid_vhost,"a/b"},"amqp://h/a/b"})");
  EXPECT_EQ(refusal("amqp://h:0/"), R"({{port_out_of_range,0},"amqp://h:0/"})");
  EXPECT_EQ(refusal("amqp://h:70000/"), R"({{port_out_of_range,70000},"amqp://h:70000/"})");
  EXPECT_EQ(refusal("amqp://:5672/"), R"({port_requires_host,"amqp://:5672/"})");
  EXPECT_EQ(refusal("nonsense"), R"({{unable_to_parse_uri,no_scheme},"nonsense"})");
  EXPECT_EQ(refusal(""), "{{unable_to_parse_uri,no_scheme},[]}");
  EXPECT_EQ(refusal("amqp://h?heartbeat=x"),
            R"({{invalid_amqp_params_parameter,heartbeat,"x",[{"heartbeat","x"}],)"
            R"({not_an_integer,"x"}},"amqp://h?heartbeat=x"})");
  EXPECT_EQ(refusal("amqp://h?username=foo"),
            R"({{invalid_amqp_params_parameter,username,"foo",[{"username","foo"}],)"
            R"({parameter_unconfigurable_in_query,username,"foo"}},"amqp://h?username=foo"})");
}

TEST(AmqpUri, IsShownWithoutCredentials) {
  EXPECT_EQ(without_credentials("amqp://u:p@host:1234/v%2Fh?heartbeat=5"),
            "amqp://host:1234/v%2Fh");
  EXPECT_EQ(without_credentials("amqp://u:p@ss@host"), "amqp://host");
  EXPECT_EQ(without_credentials("amqp://"), "amqp://");
  EXPECT_EQ(without_credentials("user:secret"), "(no URI)");
}

}  // namespace
}  // namespace leveret::broker
