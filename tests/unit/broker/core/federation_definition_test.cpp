/// What the parameters of federation may say, and what policies make of them.
#include "broker/core/federation_definition.hpp"

#include <gtest/gtest.h>

namespace leveret::broker {
namespace {

using Names = std::vector<std::string>;

std::string problems_of_upstream(std::string_view json) {
  const auto checked = check_federation_upstream("name", json);
  return checked ? "none" : checked.error();
}

std::string problems_of_set(std::string_view json) {
  const auto checked = check_federation_upstream_set("name", json);
  return checked ? "none" : checked.error();
}

class FederationUpstreamsTest : public testing::Test {
 protected:
  FederationUpstreamsTest() {
    put("federation-upstream", "east", R"({"uri":"amqp://east","max-hops":3})");
    put("federation-upstream", "west",
        R"({"uri":["amqp://west","amqp://west2"],"exchange":"theirs","queue":"their.queue",
            "prefetch-count":5,"reconnect-delay":2,"expires":1000,"message-ttl":2000,
            "trust-user-id":true,"ack-mode":"no-ack","bind-nowait":true,"consumer-tag":"us",
            "resource-cleanup-mode":"never","channel-use-mode":"single"})");
    put("federation-upstream-set", "both",
        R"([{"upstream":"west","exchange":"ours"},{"upstream":"gone"},{"upstream":"east"}])");
    parameters_[{"other", "federation-upstream", "east"}] = R"({"uri":"amqp://elsewhere"})";
  }

  void put(const std::string& component, const std::string& name, const std::string& json) {
    parameters_[{"/", component, name}] = json;
  }
  Names names(const FederationPolicy& policy) {
    Names names;
    for (const auto& upstream : upstreams_of(policy, parameters_, "/", "x")) {
      names.push_back(upstream.name);
    }
    return names;
  }

  std::map<ParameterKey, std::string> parameters_;
};

TEST_F(FederationUpstreamsTest, OneIsNamedByThePolicy) {
  const auto upstreams = upstreams_of({"west", {}, {}}, parameters_, "/", "x");
  ASSERT_EQ(upstreams.size(), 1U);
  FederationUpstream expected;
  expected.name = "west";
  expected.uris = {"amqp://west", "amqp://west2"};
  expected.exchange = "theirs";
  expected.queue = "their.queue";
  expected.consumer_tag = "us";
  expected.prefetch_count = 5;
  expected.reconnect_delay_ms = 2000;
  expected.expires_ms = 1000;
  expected.message_ttl_ms = 2000;
  expected.trust_user_id = true;
  expected.ack_mode = LinkAckMode::no_ack;
  expected.bind_nowait = true;
  expected.keeps_resources = true;
  expected.uses_one_channel = true;
  EXPECT_EQ(upstreams[0], expected);
}

TEST_F(FederationUpstreamsTest, HaveRabbitMqsDefaults) {
  const auto upstreams = upstreams_of({"east", {}, {}}, parameters_, "/", "x");
  ASSERT_EQ(upstreams.size(), 1U);
  FederationUpstream expected;
  expected.name = "east";
  expected.uris = {"amqp://east"};
  expected.exchange = expected.queue = "x";
  expected.consumer_tag = "federation-link-east";
  expected.max_hops = 3;
  EXPECT_EQ(upstreams[0], expected);
}

TEST_F(FederationUpstreamsTest, ComeFromASetWhoseElementsSayMore) {
  const auto upstreams = upstreams_of({{}, "both", {}}, parameters_, "/", "x");
  ASSERT_EQ(upstreams.size(), 2U);  // One is named that is not there.
  EXPECT_EQ(upstreams[0].name, "west");
  EXPECT_EQ(upstreams[0].exchange, "ours");
  EXPECT_EQ(upstreams[0].queue, "their.queue");
  EXPECT_EQ(upstreams[1].name, "east");
}

TEST_F(FederationUpstreamsTest, AreAllOrThoseWhoseNamesMatch) {
  EXPECT_EQ(names({{}, "all", {}}), (Names{"east", "west"}));
  EXPECT_EQ(names({{}, {}, "^w"}), Names{"west"});
  EXPECT_EQ(names({{}, {}, ""}), (Names{"east", "west"}));
  EXPECT_EQ(names({{}, "unknown", {}}), Names{});
  EXPECT_EQ(names({}), Names{});
}

// The texts are those of RabbitMQ 3.10.8, taken from rabbitmqctl set_parameter.
TEST(FederationDefinition, IsRefusedInRabbitMqsWords) {
  EXPECT_EQ(problems_of_upstream(R"({"uri":"amqp://h"})"), "none");
  EXPECT_EQ(problems_of_upstream("{}"),
            "Validation failed\n\nKey \"uri\" not found in name\n");
  EXPECT_EQ(problems_of_upstream(R"({"uri":"amqp://h","max-hops":"x","trust-user-id":1,
                "ack-mode":"z","resource-cleanup-mode":"y","channel-use-mode":"q",
                "bind-nowait":5,"exchange":1,"expires":"a","message-ttl":true})"),
            "Validation failed\n\n"
            "channel-use-mode should be one of [<<\"multiple\">>,<<\"single\">>], "
            "actually was <<\"q\">>\n"
            "bind-nowait should be boolean, actually was 5\n"
            "resource-cleanup-mode should be one of [<<\"default\">>,<<\"never\">>], "
            "actually was <<\"y\">>\n"
            "ack-mode should be one of [<<\"no-ack\">>,<<\"on-publish\">>,<<\"on-confirm\">>], "
            "actually was <<\"z\">>\n"
            "trust-user-id should be boolean, actually was 1\n"
            "message-ttl should be a number, actually was true\n"
            "expires should be a number, actually was <<\"a\">>\n"
            "max-hops should be a number, actually was <<\"x\">>\n"
            "exchange should be binary, actually was 1\n");
  EXPECT_EQ(problems_of_set(R"([{"upstream":"a"}])"), "none");
  EXPECT_EQ(problems_of_set("[{}]"),
            "Validation failed\n\nKey \"upstream\" not found in name\n");
  EXPECT_EQ(problems_of_set("[]"), "none");
}

}  // namespace
}  // namespace leveret::broker
