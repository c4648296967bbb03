#include "broker/links/shovel.hpp"

#include <chrono>
#include <utility>

#include "broker/links/message_headers.hpp"

namespace leveret::links {

using broker::LinkAckMode;
using broker::ShovelDefinition;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

LinkEnds ends_of(const broker::ParameterKey& key, const ShovelDefinition& definition) {
  LinkEnds ends;
  ends.kind = LinkKind::shovel;
  ends.vhost = key.vhost.value_or("");
  ends.name = key.name;
  ends.source_uris = definition.source_uris;
  ends.destination_uris = definition.destination_uris;
  ends.connection_name = "Shovel " + key.name;
  ends.ack_mode = definition.ack_mode;
  if (definition.reconnect_delay_ms > 0) {
    ends.reconnect_delay = std::chrono::milliseconds(definition.reconnect_delay_ms);
  }
  return ends;
}

bool has_properties(const broker::ShovelProperties& given) {
  return given.content_type || given.content_encoding || given.delivery_mode || given.priority ||
         given.correlation_id || given.reply_to || given.expiration || given.message_id ||
         given.timestamp || given.type || given.user_id || given.app_id || given.cluster_id;
}

std::int64_t seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

Shovel::Shovel(boost::asio::io_context& context, LinkHost& host, broker::ParameterKey key,
               ShovelDefinition definition, std::string cluster_name)
    : Link(context, host, ends_of(key, definition)), key_(std::move(key)),
      definition_(std::move(definition)), cluster_name_(std::move(cluster_name)),
      changes_properties_(has_properties(definition_.properties) ||
                          definition_.add_forward_headers || definition_.add_timestamp_header) {}

// ---- preparing -----------------------------------------------------------------------------

void Shovel::set_up() {
  if (!definition_.destination_queue) return prepare_source();
  ensure_queue(destination(), *definition_.destination_queue,
               definition_.destination_queue_arguments, [this] { prepare_source(); });
}

void Shovel::ensure_queue(ClientConnection& connection, const std::string& queue,
                          const FieldTable& arguments, std::function<void()> then) {
  constexpr std::uint16_t not_found = 404;
  protocol::queue::Declare look;
  look.queue = queue;
  look.passive = true;
  connection.call_apart(look, [this, &connection, &queue, &arguments,
                               then = std::move(then)](const Answer& found) {
    if (found.is_ok()) return then();
    if (found.code != not_found) return fail(found.text);
    std::vector<std::byte> bytes(4 + arguments.encoded_size());
    protocol::WireWriter writer(bytes);
    arguments.encode(writer);
    protocol::queue::Declare declare;
    declare.queue = queue;
    declare.durable = true;
    declare.arguments = protocol::TableView{std::span(bytes).subspan(4)};
    connection.call_apart(declare, [this, then](const Answer& declared) {
      if (!declared.is_ok()) return fail(declared.text);
      then();
    });
  });
}

void Shovel::prepare_source() {
  if (!definition_.source_queue) return bind_source();
  queue_ = *definition_.source_queue;
  ensure_queue(source(), queue_, definition_.source_queue_arguments, [this] { count_queue(); });
}

void Shovel::bind_source() {
  protocol::queue::Declare declare;
  declare.exclusive = true;
  require(source(), declare, [this](const Answer& declared) {
    queue_ = declared.queue;
    protocol::queue::Bind bind;
    bind.queue = queue_;
    bind.exchange = *definition_.source_exchange;
    bind.routing_key = definition_.source_exchange_key;
    require(source(), bind, [this](const Answer&) { count_queue(); });
  });
}

void Shovel::count_queue() {
  if (definition_.ack_mode != LinkAckMode::no_ack) {
    protocol::basic::Qos qos;
    qos.prefetch_count = definition_.prefetch_count;
    require(source(), qos, [](const Answer&) {});
  }
  if (definition_.end == ShovelDefinition::End::never) return begin(std::nullopt);
  if (definition_.end == ShovelDefinition::End::count) return begin(definition_.end_count);
  protocol::queue::Declare look;
  look.queue = queue_;
  look.passive = true;
  require(source(), look, [this](const Answer& found) { begin(found.message_count); });
}

void Shovel::begin(std::optional<std::uint64_t> message_count) {
  left_to_take_ = left_to_settle_ = message_count;
  if (message_count == 0) return count_done(0);
  consume(queue_, "", definition_.consumer_arguments, [this](const Answer&) { run(); });
}

// ---- messages ------------------------------------------------------------------------------

void Shovel::on_delivery(const Delivery& delivery) {
  // What it no longer takes goes back to the queue when it ends.
  if (left_to_take_ == 0) return;
  if (left_to_take_) --*left_to_take_;
  std::string_view exchange = delivery.exchange;
  std::string_view routing_key = delivery.routing_key;
  if (definition_.destination_queue) {
    exchange = "";
    routing_key = *definition_.destination_queue;
  } else {
    if (definition_.destination_exchange) exchange = *definition_.destination_exchange;
    if (definition_.destination_exchange_key) routing_key = *definition_.destination_exchange_key;
  }
  if (changes_properties_) {
    transfer().forward(delivery.tag, exchange, routing_key, properties_of(delivery), delivery.body);
  } else {
    transfer().forward(delivery.tag, exchange, routing_key, delivery.properties, delivery.body);
  }
  count_forwarded();
  if (definition_.ack_mode != LinkAckMode::on_confirm) count_done(1);
}

void Shovel::on_settled(std::uint64_t count) { count_done(count); }

void Shovel::count_done(std::uint64_t count) {
  if (!left_to_settle_) return;
  *left_to_settle_ -= std::min(count, *left_to_settle_);
  if (*left_to_settle_ > 0) return;
  left_to_settle_.reset();
  finish("has moved all that it was to move, and deletes itself");
  host().delete_parameter(key_);
}

std::vector<std::byte> Shovel::properties_of(const Delivery& delivery) {
  MessageHeaders message(delivery.properties);
  const broker::ShovelProperties& given = definition_.properties;
  protocol::BasicProperties& properties = message.properties();
  const auto replace = [](auto& property, const auto& other) {
    if (other) property = *other;
  };
  replace(properties.content_type, given.content_type);
  replace(properties.content_encoding, given.content_encoding);
  replace(properties.delivery_mode, given.delivery_mode);
  replace(properties.priority, given.priority);
  replace(properties.correlation_id, given.correlation_id);
  replace(properties.reply_to, given.reply_to);
  replace(properties.expiration, given.expiration);
  replace(properties.message_id, given.message_id);
  replace(properties.timestamp, given.timestamp);
  replace(properties.type, given.type);
  replace(properties.user_id, given.user_id);
  replace(properties.app_id, given.app_id);
  replace(properties.cluster_id, given.cluster_id);
  if (definition_.add_forward_headers) message.prepend_table("x-shovelled", forward_header());
  if (definition_.add_timestamp_header) {
    message.headers().set("x-shovelled-timestamp", FieldValue::int64(seconds_now()));
  }
  return message.encode();
}

FieldTable Shovel::forward_header() const {
  FieldTable table;
  const auto set = [&](const char* name, const std::string& value) {
    table.set(name, FieldValue::long_string(value));
  };
  const auto set_if = [&](const char* name, const std::optional<std::string>& value) {
    if (value) set(name, *value);
  };
  set("shovelled-by", cluster_name_);
  set("shovel-type", "dynamic");
  set("shovel-name", key_.name);
  set("shovel-vhost", *key_.vhost);
  set("src-uri", source_uri());
  set("dest-uri", destination_uri());
  set_if("src-queue", definition_.source_queue);
  if (definition_.source_exchange) {
    set("src-exchange", *definition_.source_exchange);
    set("src-exchange-key", definition_.source_exchange_key);
  }
  set_if("dest-exchange", definition_.destination_exchange);
  set_if("dest-exchange-key", definition_.destination_exchange_key);
  set_if("dest-queue", definition_.destination_queue);
  return table;
}

}  // namespace leveret::links
