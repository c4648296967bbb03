#include "broker/core/event_exchange.hpp"

#include <utility>
#include <variant>

#include "broker/core/header_message.hpp"
#include "broker/core/policy.hpp"
#include "broker/core/queue_type_arguments.hpp"
#include "broker/core/shard_state.hpp"

namespace leveret::broker {

using protocol::FieldTable;

namespace {

constexpr std::uint8_t persistent_delivery_mode = 2;

FieldTable facts_of(const BindingDefinition& binding) {
  return Facts()
      .text("source_name", binding.source)
      .text("source_kind", "exchange")
      .text("destination_name", binding.destination)
      .text("destination_kind", binding.to_queue ? "queue" : "exchange")
      .text("routing_key", binding.routing_key)
      .terms("arguments", binding.arguments)
      .text("vhost", binding.vhost)
      .take();
}

FieldTable named(std::string_view name, std::string_view vhost) {
  return Facts().text("name", name).text("vhost", vhost).take();
}

}  // namespace

void EventExchange::publish(std::string_view what, FieldTable facts, std::string_view user) {
  Vhost* vhost = is_on() ? shard_.topology().find_vhost(vhost_) : nullptr;
  if (vhost == nullptr) return;
  const auto now_ms = static_cast<std::uint64_t>(shard_.wall_time());
  if (!user.empty()) {
    facts.append("user_who_performed_action",
                 protocol::FieldValue::long_string(std::string(user)));
  }
  facts.append("timestamp_in_ms", protocol::FieldValue::int64(static_cast<std::int64_t>(now_ms)));
  protocol::BasicProperties properties;
  properties.delivery_mode = persistent_delivery_mode;
  properties.timestamp = now_ms / 1000;
  publish_headers(shard_, *vhost, {name, what, facts, properties, {}});
}

std::string EventExchange::process_id(ConnectionId connection, std::uint16_t channel) const {
  return "<" + node_ + "." + std::to_string(process_) + "." +
         std::to_string(static_cast<std::uint64_t>(connection)) + "." + std::to_string(channel) +
         ">";
}

void EventExchange::publish(const TopologyDelta& delta, std::string_view user) {
  const std::string_view who = user.empty() ? broker_user : user;
  for (const TopologyChange& change : delta) {
    std::visit([&](const auto& one) { tell(one, who); }, change);
  }
}

void EventExchange::tell(const VhostAdded& change, std::string_view user) {
  publish("vhost.created", Facts().text("name", change.name).take(), user);
}

void EventExchange::tell(const VhostRemoved& change, std::string_view user) {
  publish("vhost.deleted", Facts().text("name", change.name).take(), user);
}

void EventExchange::tell(const ExchangeAdded& change, std::string_view user) {
  const ExchangeDefinition& exchange = change.definition;
  // Those that every virtual host has came with it.
  if (exchange.name.empty() || exchange.name.starts_with("amq.")) return;
  const auto& policy = exchange.policies.policy;
  publish("exchange.created",
          Facts()
              .text("name", exchange.name)
              .text("vhost", exchange.vhost)
              .text("type", exchange_type_name(exchange.type))
              .flag("durable", exchange.durable)
              .flag("auto_delete", exchange.auto_delete)
              .flag("internal", exchange.internal)
              .terms("arguments", exchange.arguments)
              .text("policy", policy == nullptr ? "" : policy->name())
              .take(),
          user);
}

void EventExchange::tell(const ExchangeRemoved& change, std::string_view user) {
  publish("exchange.deleted", named(change.name, change.vhost), user);
}

void EventExchange::tell(const QueueAdded& change, std::string_view user) {
  const QueueDefinition& queue = *change.definition;
  Facts facts;
  facts.text("name", queue.name)
      .text("vhost", queue.vhost)
      .flag("durable", queue.durable)
      .flag("auto_delete", queue.auto_delete)
      .flag("exclusive", queue.exclusive())
      .terms("arguments", queue.arguments);
  // As in RabbitMQ: only classic queues have owners, and say nothing of their type.
  if (queue.settings.type == QueueType::classic) {
    facts.text("owner_pid", queue.exclusive() ? process_id(queue.exclusive_owner) : "");
  } else {
    facts.text("type", type_module(queue.settings.type));
  }
  publish("queue.created", facts.take(), user);
}

void EventExchange::tell(const QueueRemoved& change, std::string_view user) {
  publish("queue.deleted", named(change.name, change.vhost), user);
}

void EventExchange::tell(const BindingAdded& change, std::string_view user) {
  publish("binding.created", facts_of(change.binding), user);
}

void EventExchange::tell(const BindingRemoved& change, std::string_view user) {
  publish("binding.deleted", facts_of(change.binding), user);
}

void EventExchange::tell(const QueueRedefined& change, std::string_view user) {
  const QueueDefinition& queue = *change.definition;
  publish(queue.policies == nullptr ? "queue.policy.cleared" : "queue.policy.updated",
          named(queue.name, queue.vhost), user);
}

}  // namespace leveret::broker
