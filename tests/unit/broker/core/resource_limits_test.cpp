#include "broker/core/resource_limits.hpp"

#include <gtest/gtest.h>

namespace leveret::broker {
namespace {

TEST(ResourceLimits, ReadsThoseOfAVirtualHost) {
  EXPECT_EQ(*parse_vhost_limits("{}"), VhostLimits{});
  EXPECT_EQ(*parse_vhost_limits(R"({"max-connections": 0, "max-queues": 3})"),
            (VhostLimits{0, 3}));
  EXPECT_EQ(*parse_vhost_limits(R"({"max-connections": -1, "max-queues": -7})"), VhostLimits{});
}

TEST(ResourceLimits, ReadsThoseOfAUser) {
  EXPECT_EQ(*parse_user_limits(R"({"max-connections": 5, "max-channels": 8})"),
            (UserLimits{5, 8}));
}

// The words are those of RabbitMQ 3.10.
TEST(ResourceLimits, RefusesWhatIsNone) {
  const std::string failed = "Validation failed\n\n";
  EXPECT_EQ(parse_vhost_limits(R"({"max-queues": "x"})").error(),
            failed + "max-queues should be a number, actually was <<\"x\">>\n");
  EXPECT_EQ(parse_vhost_limits(R"({"max-queues": 1.5})").error(),
            failed + "max-queues should be a number, actually was 1.5\n");
  EXPECT_EQ(parse_vhost_limits(R"({"max-channels": 1})").error(),
            failed + "Unrecognised terms [{<<\"max-channels\">>,1}] in limits\n");
  EXPECT_EQ(parse_vhost_limits("3").error(), failed + "limits not a list 3\n");
  EXPECT_EQ(parse_user_limits(R"({"max-queues": 1})").error(),
            "Unrecognised terms [{<<\"max-queues\">>,1}] in user-limits");
  EXPECT_EQ(parse_user_limits(R"({"max-channels": true})").error(),
            "max-channels should be a number, actually was true");
  EXPECT_EQ(parse_user_limits("{").error(), "JSON decoding error. Reason: incomplete JSON");
}

}  // namespace
}  // namespace leveret::broker
