// What the event exchange hears of connections, channels and consumers.

#include "broker/core/event_exchange.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"

namespace leveret::broker {

// ---- connections ---------------------------------------------------------------------------

void ConnectionSession::tell_login(bool succeeded, std::string_view user,
                                   std::string_view mechanism, std::string_view why_not) {
  if (!shard_.events().is_on()) return;
  Facts facts;
  facts.text("name", user)
      .text("connection_type", "network")
      .text("connection_name", name())
      .text("peer_host", peer_.address)
      .number("peer_port", peer_.port)
      .text("protocol", "AMQP 0-9-1")
      .text("auth_mechanism", mechanism)
      .flag("ssl", false);
  if (!succeeded) facts.text("error", why_not);
  shard_.events().publish(
      succeeded ? "user.authentication.success" : "user.authentication.failure", facts.take());
}

void ConnectionSession::tell_opened() {
  if (!shard_.events().is_on()) return;
  shard_.events().publish("connection.created",
                          Facts()
                              .text("name", name())
                              .text("user_provided_name", client_name_)
                              .text("node", settings_->node_name)
                              .text("peer_host", peer_.address)
                              .number("peer_port", peer_.port)
                              .text("protocol", "AMQP 0-9-1")
                              .text("user", user_)
                              .text("vhost", vhost_)
                              .number("timeout", heartbeat_s_)
                              .number("frame_max", frame_max_bytes_)
                              .number("channel_max", channel_max_)
                              .flag("ssl", false)
                              .take(),
                          user_);
}

void ConnectionSession::tell_closed() {
  if (!shard_.events().is_on()) return;
  shard_.events().publish("connection.closed", Facts()
                                                   .text("name", name())
                                                   .text("user_provided_name", client_name_)
                                                   .text("node", settings_->node_name)
                                                   .take());
}

// ---- channels ------------------------------------------------------------------------------

std::string Channel::full_name() const {
  return connection_.name() + " (" + std::to_string(number_) + ")";
}

void Channel::tell_opened() {
  if (!shard().events().is_on()) return;
  shard().events().publish("channel.created", Facts()
                                                  .text("name", full_name())
                                                  .text("connection", connection_.name())
                                                  .number("number", number_)
                                                  .text("user", connection_.user())
                                                  .text("vhost", connection_.vhost_name())
                                                  .take(),
                           connection_.user());
}

void Channel::tell_closed() {
  if (!shard().events().is_on()) return;
  shard().events().publish("channel.closed", Facts()
                                                 .text("name", full_name())
                                                 .number("number", number_)
                                                 .text("vhost", connection_.vhost_name())
                                                 .take(),
                           connection_.user());
}

// ---- consumers -----------------------------------------------------------------------------

void Channel::tell_of_consumer(std::string_view what, const ChannelConsumer& consumer) {
  if (!shard().events().is_on()) return;
  Facts facts;
  facts.text("consumer_tag", consumer.tag)
      .text("channel", full_name())
      .text("vhost", connection_.vhost_name())
      .flag("ack_required", !consumer.no_ack)
      .number("prefetch_count", consumer.credit_limit);
  const QueueRecord* queue = shard().topology().find_queue(consumer.queue);
  if (queue != nullptr) facts.text("queue", queue->definition->name);
  shard().events().publish(what, facts.take(), connection_.user());
}

}  // namespace leveret::broker
