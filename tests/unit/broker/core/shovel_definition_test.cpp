/// What a shovel's parameter may say, and what is said when it says something else.
#include "broker/core/shovel_definition.hpp"

#include <gtest/gtest.h>

namespace leveret::broker {
namespace {

/// A shovel with both URIs, and what is to be tried.
std::string with_uris(const std::string& fields) {
  return R"({"src-uri":"amqp://","dest-uri":"amqp://",)" + fields + "}";
}

/// What is wrong, without the head that all such texts have.
std::string problems(const std::string& json) {
  const auto shovel = parse_shovel("name", json);
  if (shovel) return "none";
  const std::string head = "Validation failed\n\n";
  return shovel.error().starts_with(head) ? shovel.error().substr(head.size()) : shovel.error();
}

TEST(ShovelDefinition, HasRabbitMqsDefaults) {
  const auto shovel = parse_shovel("name", with_uris(R"("src-queue":"a","dest-queue":"b")"));
  ASSERT_TRUE(shovel) << shovel.error();
  EXPECT_EQ(shovel->source_uris, std::vector<std::string>{"amqp://"});
  EXPECT_EQ(shovel->source_queue, "a");
  EXPECT_EQ(shovel->destination_queue, "b");
  EXPECT_EQ(shovel->prefetch_count, 1000);
  EXPECT_EQ(shovel->ack_mode, LinkAckMode::on_confirm);
  EXPECT_EQ(shovel->reconnect_delay_ms, 5000U);
  EXPECT_EQ(shovel->end, ShovelDefinition::End::never);
  EXPECT_FALSE(shovel->add_forward_headers);
}

TEST(ShovelDefinition, ReadsAllThatMayBeSaid) {
  const auto shovel = parse_shovel("name", R"({
      "src-protocol":"amqp091","src-uri":["amqp://a","amqp://b"],"src-exchange":"e",
      "src-exchange-key":"k","src-prefetch-count":7,"src-delete-after":12,
      "src-consumer-args":{"x-priority":-3},
      "dest-protocol":"amqp091","dest-uri":"amqp://c","dest-exchange":"d",
      "dest-exchange-key":"l","dest-publish-properties":{"delivery_mode":2,"app_id":"s"},
      "dest-add-forward-headers":true,"dest-add-timestamp-header":true,
      "ack-mode":"on-publish","reconnect-delay":1.5})");
  ASSERT_TRUE(shovel) << shovel.error();
  EXPECT_EQ(shovel->source_uris, (std::vector<std::string>{"amqp://a", "amqp://b"}));
  EXPECT_EQ(shovel->source_exchange, "e");
  EXPECT_EQ(shovel->source_exchange_key, "k");
  EXPECT_EQ(shovel->prefetch_count, 7);
  EXPECT_EQ(shovel->end, ShovelDefinition::End::count);
  EXPECT_EQ(shovel->end_count, 12U);
  EXPECT_EQ(shovel->consumer_arguments.find("x-priority")->as_integer(), -3);
  EXPECT_EQ(shovel->destination_exchange, "d");
  EXPECT_EQ(shovel->destination_exchange_key, "l");
  EXPECT_EQ(shovel->properties.delivery_mode, 2);
  EXPECT_EQ(shovel->properties.app_id, "s");
  EXPECT_EQ(shovel->properties.priority, std::nullopt);
  EXPECT_TRUE(shovel->add_forward_headers);
  EXPECT_TRUE(shovel->add_timestamp_header);
  EXPECT_EQ(shovel->ack_mode, LinkAckMode::on_publish);
  EXPECT_EQ(shovel->reconnect_delay_ms, 1500U);
}

TEST(ShovelDefinition, KnowsTheOlderNamesOfFields) {
  const auto shovel = parse_shovel(
      "name", with_uris(R"("src-queue":"a","prefetch-count":5,"delete-after":"queue-length",
                           "add-forward-headers":true,"add-timestamp-header":true,
                           "publish-properties":{"priority":3})"));
  ASSERT_TRUE(shovel) << shovel.error();
  EXPECT_EQ(shovel->prefetch_count, 5);
  EXPECT_EQ(shovel->end, ShovelDefinition::End::queue_length);
  EXPECT_TRUE(shovel->add_forward_headers);
  EXPECT_TRUE(shovel->add_timestamp_header);
  EXPECT_EQ(shovel->properties.priority, 3);
}

// The texts are those of RabbitMQ 3.10.8, taken from rabbitmqctl set_parameter.
TEST(ShovelDefinition, RefusesInRabbitMqsWords) {
  EXPECT_EQ(problems("{}"),
            "Must specify 'src-exchange' or 'src-queue'\n"
            "Key \"dest-uri\" not found in name\nKey \"src-uri\" not found in name\n");
  EXPECT_EQ(problems("[]"), problems("{}"));
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","src-exchange":"e",
                                  "dest-queue":"b","dest-exchange":"x")")),
            "Cannot specify 'src-exchange' and 'src-queue'\n"
            "Cannot specify 'dest-exchange' and 'dest-queue'\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","foo":"bar","baz":1.5)")),
            "Unrecognised terms [{<<\"baz\">>,1.5},{<<\"foo\">>,<<\"bar\">>}] in name\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","foo":[1,"a",null,true,{"x":1}])")),
            "Unrecognised terms [{<<\"foo\">>,[1,<<\"a\">>,null,true,#{<<\"x\">> => 1}]}] "
            "in name\n");
  EXPECT_EQ(
      problems(with_uris(R"("src-queue":1,"prefetch-count":"x","reconnect-delay":true)")),
      "prefetch-count should be a number, actually was <<\"x\">>\n"
      "src-queue should be binary, actually was 1\n"
      "reconnect-delay should be a number, actually was true\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","ack-mode":"no-ack","src-delete-after":4)")),
            "Cannot specify 'no-ack' and numerical 'delete-after'\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","src-delete-after":-1)")),
            "src-delete-after should be a number greater than or equal to 0, \"never\" or "
            "\"queue-length\", actually was -1\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","dest-add-forward-headers":"yes")")),
            "dest-add-forward-headers should be boolean, actually was <<\"yes\">>\n");
  EXPECT_EQ(problems(with_uris(
                R"("src-queue":"a","dest-publish-properties":{"delivery_mode":"2","foo":1})")),
            "Unrecognised terms [{<<\"foo\">>,1}] in dest-publish-properties\n"
            "delivery_mode should be a number, actually was <<\"2\">>\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","dest-publish-properties":7)")),
            "dest-publish-properties not a list 7\n");
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","src-consumer-args":{"x-foo":1})")),
            "Unrecognised terms [{<<\"x-foo\">>,1}] in src-consumer-args\n");
  EXPECT_EQ(problems(with_uris("\"src-queue\":\"a\",\"dest-queue\":\"" + std::string(256, 'q') +
                               "\"")),
            "dest-queue should be less than 255 bytes, actually was 256\n");
  EXPECT_EQ(problems(R"({"src-uri":5,"dest-uri":"http://x","src-queue":"a"})"),
            "\"http://x\" not a valid URI: {{unexpected_uri_scheme,\"http\"},\"http://x\"}\n"
            "src-uri should be list, actually was 5\n");
}

TEST(ShovelDefinition, RefusesWhatThisBrokerCannotDo) {
  EXPECT_EQ(problems(with_uris(R"("src-queue":"a","src-protocol":"amqp10")")),
            "src-protocol amqp10 is not supported: shovels speak AMQP 0-9-1 (amqp091)\n");
  EXPECT_TRUE(problems("{").starts_with("JSON decoding error."));
  EXPECT_EQ(problems(R"({"src-uri":[],"dest-uri":"amqp://","src-queue":"a"})"),
            "src-uri should have a URI, actually was []\n");
}

}  // namespace
}  // namespace leveret::broker
