// What the event exchange hears of connections, channels and consumers.

#include "broker/core/event_exchange.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"

namespace leveret::broker {

// ---- connections ---------------------------------------------------------------------------

namespace {

constexpr std::string_view protocol_term = "{0,9,1}";  // An Erlang term, as RabbitMQ shows it.

/// A connection within the broker has no network.
std::string_view connection_type(const Peer& peer) {
  return peer.is_internal ? "direct" : "network";
}

}  // namespace

std::string ConnectionSession::process_id() const { return shard_.events().process_id(id_); }

protocol::FieldTable ConnectionSession::decoded_client_properties() const {
  // It could be read when the client logged in.
  return protocol::TableView{client_properties_}.decode().value_or(protocol::FieldTable{});
}

void ConnectionSession::tell_login(bool succeeded, std::string_view user,
                                   std::string_view why_not) {
  if (!shard_.events().is_on()) return;
  Facts facts;
  facts.text("name", user)
      .text("connection_type", connection_type(peer_))
      .text("connection_name", name())
      .text("host", erlang_address(peer_.local_address))
      .text("peer_host", erlang_address(peer_.address))
      .number("peer_port", peer_.port)
      .text("protocol", protocol_term)
      .text("auth_mechanism", mechanism_)
      .flag("ssl", false);
  if (!succeeded) facts.text("error", why_not);
  shard_.events().publish(
      succeeded ? "user.authentication.success" : "user.authentication.failure", facts.take());
}

void ConnectionSession::tell_opened() {
  if (!shard_.events().is_on()) return;
  Facts facts;
  facts.text("name", name())
      .text("pid", process_id())
      .text("type", connection_type(peer_))
      .text("node", settings_->node_name)
      .text("host", erlang_address(peer_.local_address))
      .number("port", peer_.local_port)
      .text("peer_host", erlang_address(peer_.address))
      .number("peer_port", peer_.port)
      .text("protocol", protocol_term)
      .text("auth_mechanism", mechanism_)
      .text("user", user_)
      .text("vhost", vhost_)
      .number("timeout", heartbeat_s_)
      .number("frame_max", frame_max_bytes_)
      .number("channel_max", channel_max_)
      .number("connected_at", static_cast<std::int64_t>(connected_at_))
      .terms("client_properties", decoded_client_properties())
      .flag("ssl", false);
  // What RabbitMQ says of a connection without TLS.
  for (const char* empty :
       {"peer_cert_subject", "peer_cert_issuer", "peer_cert_validity", "ssl_protocol",
        "ssl_key_exchange", "ssl_cipher", "ssl_hash"}) {
    facts.text(empty, "");
  }
  if (!client_name_.empty()) facts.text("user_provided_name", client_name_);
  shard_.events().publish("connection.created", facts.take(), user_);
}

void ConnectionSession::tell_closed() {
  if (!shard_.events().is_on()) return;
  Facts facts;
  facts.text("name", name())
      .text("pid", process_id())
      .text("node", settings_->node_name)
      .terms("client_properties", decoded_client_properties());
  if (!client_name_.empty()) facts.text("user_provided_name", client_name_);
  shard_.events().publish("connection.closed", facts.take());
}

// ---- channels ------------------------------------------------------------------------------

std::string Channel::full_name() const {
  return connection_.name() + " (" + std::to_string(number_) + ")";
}

std::string Channel::process_id() const {
  return connection_.shard().events().process_id(connection_.id(), number_);
}

void Channel::tell_opened() {
  if (!shard().events().is_on()) return;
  shard().events().publish("channel.created", Facts()
                                                  .text("name", full_name())
                                                  .text("pid", process_id())
                                                  .text("connection", connection_.process_id())
                                                  .number("number", number_)
                                                  .text("user", connection_.user())
                                                  .text("vhost", connection_.vhost_name())
                                                  .take(),
                           connection_.user());
}

void Channel::tell_closed() {
  if (!shard().events().is_on()) return;
  shard().events().publish("channel.closed", Facts()
                                                 .text("pid", process_id())
                                                 .text("name", full_name())
                                                 .number("number", number_)
                                                 .text("vhost", connection_.vhost_name())
                                                 .take(),
                           connection_.user());
}

// ---- consumers -----------------------------------------------------------------------------

Facts Channel::facts_of(const ChannelConsumer& consumer) const {
  Facts facts;
  facts.text("consumer_tag", consumer.tag)
      .text("channel", process_id())
      .text("vhost", connection_.vhost_name());
  const QueueRecord* queue = connection_.shard().topology().find_queue(consumer.queue);
  if (!consumer.queue_name.empty()) {
    facts.text("queue", consumer.queue_name);
  } else if (queue != nullptr) {  // It was made before anybody wanted events.
    facts.text("queue", queue->definition->name);
  }
  return facts;
}

void Channel::tell_consumer_created(const ChannelConsumer& consumer,
                                    const ConsumerRequest& request) {
  if (!shard().events().is_on()) return;
  Facts facts = facts_of(consumer);
  facts.flag("exclusive", request.exclusive)
      .flag("ack_required", !consumer.no_ack)
      .number("prefetch_count", request.prefetch_count)
      .terms("arguments", request.arguments);
  shard().events().publish("consumer.created", facts.take(), connection_.user());
}

void Channel::tell_consumer_deleted(const ChannelConsumer& consumer, std::string_view user) {
  if (!shard().events().is_on()) return;
  shard().events().publish("consumer.deleted", facts_of(consumer).take(), user);
}

}  // namespace leveret::broker
