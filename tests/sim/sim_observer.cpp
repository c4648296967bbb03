// What the client does who prepares the world and looks at it, one thing at a time.

#include "tests/session/methods.hpp"
#include "tests/sim/sim_client.hpp"

namespace leveret::broker {

namespace {

/// How long "once" remembers: longer than from one rest of the world to the next.
constexpr std::int32_t window_ms = 3000;

FieldTable arguments_of(const SimQueue& queue) {
  FieldTable arguments;
  const auto add_text = [&](const char* name, const char* value) {
    arguments.append(name, FieldValue::long_string(value));
  };
  const auto add_number = [&](const char* name, std::optional<std::int32_t> value) {
    if (value) arguments.append(name, FieldValue::int32(*value));
  };
  if (queue.type == QueueType::quorum) add_text("x-queue-type", "quorum");
  if (queue.is_stream()) add_text("x-queue-type", "stream");
  if (queue.dead_letters_to != nullptr && !queue.has_dead_lettering_policy) {
    add_text("x-dead-letter-exchange", "");
    add_text("x-dead-letter-routing-key", queue.dead_letters_to);
  }
  if (queue.has_single_active_consumer) {
    arguments.append("x-single-active-consumer", FieldValue::boolean(true));
  }
  if (queue.max_length) add_text("x-overflow", "reject-publish");
  add_number("x-max-length", queue.max_length);
  add_number("x-delivery-limit", queue.delivery_limit);
  add_number("x-max-priority", queue.max_priority);
  add_number("x-message-ttl", queue.message_ttl_ms);
  add_number("x-expires", queue.expires_ms);
  return arguments;
}

}  // namespace

void SimClient::open() {
  current_ = 1;
  ask(channels_[1], channel_open());
}

void SimClient::declare(const SimQueue& queue) {
  const Flags flags = queue.is_kept() ? durable : queue.is_auto_delete() ? auto_delete : no_flags;
  ask(channel(), queue_declare(queue.name, flags, arguments_of(queue)));
}

void SimClient::prepare(const std::function<void()>& settle) {
  const auto do_now = [&](const Frames& frames) {
    current_ = 1;
    ask(channel(), frames);
    settle();
  };
  do_now(exchange_declare("all", "fanout", durable));
  for (const SimQueue& queue : sim_queues) {
    current_ = 1;
    declare(queue);
    settle();
  }
  do_now(queue_bind("k0", "all"));
  do_now(queue_bind("k1", "all"));
  do_now(exchange_declare("later", "x-delayed-message", durable,
                          table({{"x-delayed-type", FieldValue::long_string("direct")}})));
  do_now(queue_bind("ke", "later", "ke"));
  do_now(exchange_declare("once", "x-message-deduplication", durable,
                          table({{"x-cache-size", FieldValue::int32(1000)},
                                 {"x-cache-ttl", FieldValue::int32(window_ms)}})));
  do_now(queue_bind("ku", "once"));
  channel().confirming = true;
  do_now(confirm_select());
}

MessageNumber SimClient::publish_one(const SimQueue& queue) {
  current_ = 1;
  return send(channel(), "", {queue.name});
}

void SimClient::inspect(const std::string& queue) {
  current_ = 1;
  ask(channel(), queue_declare(queue, passive));
}

void SimClient::read_all(const SimQueue& stream, const std::function<void()>& settle) {
  current_ = 1;
  Channel& own = channel();
  own.prefetch = UINT16_MAX;
  ask(own, qos(own.prefetch));
  settle();
  own.wanted_queue = stream.name;
  own.wanted_no_ack = false;
  own.wanted_tag = world_.next_tag();
  own.wanted_start = Start::first;
  current_ = 1;
  ask(own, consume(stream.name, own.wanted_tag, no_flags,
                   table({{"x-stream-offset", FieldValue::long_string("first")}})));
  settle();
}

void SimClient::fetch(const std::string& queue) {
  current_ = 1;
  channel().wanted_queue = queue;
  channel().wanted_no_ack = true;
  ask(channel(), broker::get(queue, no_ack));
}

}  // namespace leveret::broker
