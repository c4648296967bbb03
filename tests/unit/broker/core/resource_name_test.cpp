/// Names of queues and exchanges: texts and refusals of RabbitMQ 3.10.8.
#include "broker/core/resource_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace leveret::broker {
namespace {

using protocol::AmqpError;

std::string explanation(const Result<void, AmqpError>& result) {
  if (result.has_value()) return "accepted";
  EXPECT_EQ(result.error().code(), protocol::ReplyCode::access_refused);
  return result.error().explanation();
}

TEST(ResourceName, ShowsNamesAsTheyAre) {
  using namespace std::string_literals;
  EXPECT_EQ(queue_resource("q", "/"), "queue 'q' in vhost '/'");
  EXPECT_EQ(exchange_resource("e", "v"), "exchange 'e' in vhost 'v'");
  EXPECT_EQ(queue_resource("a\xC3\xA9\0b\"'~p"s, "/"), "queue 'a\xC3\xA9\0b\"'~p' in vhost '/'"s);
}

TEST(ResourceName, StripsLineBreaks) {
  EXPECT_EQ(strip_line_breaks("\r\namq.\r\nfoo\n"), "amq.foo");
  EXPECT_EQ(strip_line_breaks("a\tb c"), "a\tb c");
  EXPECT_EQ(strip_line_breaks(""), "");
}

TEST(ResourceName, ReservesThePrefixOfTheBroker) {
  EXPECT_EQ(explanation(check_queue_name("amq.foo")),
            "queue name 'amq.foo' contains reserved prefix 'amq.*'");
  EXPECT_EQ(explanation(check_queue_name("amq.")),
            "queue name 'amq.' contains reserved prefix 'amq.*'");
  EXPECT_EQ(explanation(check_exchange_name("amq.foo")),
            "exchange name 'amq.foo' contains reserved prefix 'amq.*'");
  for (const char* name : {"amq", "AMQ.foo", "xamq.foo", "q"}) {
    EXPECT_EQ(explanation(check_queue_name(name)), "accepted") << name;
    EXPECT_EQ(explanation(check_exchange_name(name)), "accepted") << name;
  }
}

TEST(ResourceName, ProtectsTheDefaultExchangeAndSystemExchanges) {
  EXPECT_EQ(explanation(check_not_default_exchange("")),
            "operation not permitted on the default exchange");
  EXPECT_EQ(explanation(check_not_default_exchange("amq.direct")), "accepted");
  EXPECT_EQ(explanation(check_exchange_deletion("", "/")),
            "operation not permitted on the default exchange");
  EXPECT_EQ(explanation(check_exchange_deletion("amq.direct", "/")),
            "deletion of system exchange 'amq.direct' in vhost '/' not allowed");
  EXPECT_EQ(explanation(check_exchange_deletion("e", "/")), "accepted");
}

}  // namespace
}  // namespace leveret::broker
