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

// The words are those of RabbitMQ 3.10, but for values, which it shows as Erlang terms.
TEST(ResourceLimits, RefusesWhatIsNone) {
  EXPECT_EQ(parse_vhost_limits(R"({"max-queues": "x"})").error(),
            "max-queues should be a number, actually was \"x\"");
  EXPECT_EQ(parse_vhost_limits(R"({"max-queues": 1.5})").error(),
            "max-queues should be a number, actually was 1.5E0");
  EXPECT_EQ(parse_vhost_limits(R"({"max-channels": 1})").error(),
            "Unrecognised terms [max-channels] in limits");
  EXPECT_EQ(parse_user_limits(R"({"max-queues": 1})").error(),
            "Unrecognised terms [max-queues] in user-limits");
  EXPECT_EQ(parse_user_limits("[1]").error(), "user-limits should be an object");
  EXPECT_EQ(parse_user_limits("{").error(), "not JSON: incomplete JSON");
}

}  // namespace
}  // namespace leveret::broker
