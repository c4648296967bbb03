/// The firehose as the clients of a virtual host see it. The facts are those that RabbitMQ 3.10.8
/// was seen to tell.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

class Firehose : public Script {
 protected:
  /// A client whose queue "trace" gets all copies.
  Client& traced() {
    Client& client = on_a_channel();
    client.receives(queue_declare("trace")).replies(queue_declare_ok("trace", 0, 0));
    client.receives(queue_bind("trace", "amq.rabbitmq.trace", "#")).replies(queue_bind_ok());
    client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
    world().change(TraceVhost{"/", true});
    return client;
  }
};
INSTANTIATE_TEST_SUITE_P(Played, Firehose, every_form(), form_name);

TEST_P(Firehose, CopiesAPublishAndADelivery) {
  Client& client = traced();
  client.receives(publish("", "q", "hello"));
  client.turn_ends();
  client.receives(queue_declare("trace", passive)).replies(queue_declare_ok("trace", 1, 0));
  client.receives(get("q", no_ack)).replies(get_ok(1, 0, "q", "hello"));
  client.turn_ends();
  client.receives(queue_declare("trace", passive)).replies(queue_declare_ok("trace", 2, 0));
}

TEST_P(Firehose, IsOffUnlessSomebodyWantsIt) {
  Client& client = traced();
  world().change(TraceVhost{"/", false});
  client.receives(publish("", "q", "hello"));
  client.turn_ends();
  client.receives(queue_declare("trace", passive)).replies(queue_declare_ok("trace", 0, 0));
}

// Goal: a copy of a copy would never end.
TEST_P(Firehose, DoesNotCopyCopies) {
  Client& client = traced();
  client.receives(publish("", "nowhere", "lost"));
  client.turn_ends();
  client.receives(queue_declare("trace", passive)).replies(queue_declare_ok("trace", 1, 0));
  client.receives(get("trace"));
  client.takes<amqp::basic::GetOk>([](const auto& method) { return method.routing_key; });
  client.take_frame();
  client.take_frame();
  client.turn_ends();
  client.receives(queue_declare("trace", passive)).replies(queue_declare_ok("trace", 0, 0));
}

}  // namespace
}  // namespace leveret::broker
