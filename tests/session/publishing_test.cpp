/// basic.publish: where messages go, what comes back.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

LEVERET_SCRIPTS(Publishing);

TEST_P(Publishing, ReachesTheQueueOfTheKeysName) {
  Client& client = on_a_channel();
  client.receives(queue_declare("q", durable)).replies(queue_declare_ok("q", 0, 0));
  client.receives(publish("", "q", "hello"));
  client.receives(get("q")).replies(get_ok(1, 0, "q", "hello"));
}

}  // namespace
}  // namespace leveret::broker
