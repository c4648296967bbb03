#include "broker/core/firehose.hpp"

#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "broker/core/header_message.hpp"
#include "broker/core/sender_selected.hpp"
#include "broker/core/shard_state.hpp"
#include "protocol/basic_properties.hpp"

namespace leveret::broker {

using protocol::BasicProperties;
using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

constexpr std::string_view trace_exchange = "amq.rabbitmq.trace";

FieldValue text(std::string_view value) { return FieldValue::long_string(std::string(value)); }

/// Numbers as RabbitMQ writes them there: 32 bits wide, while they fit.
FieldValue number(std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    return FieldValue::int32(static_cast<std::int32_t>(value));
  }
  return FieldValue::int64(static_cast<std::int64_t>(value));
}

FieldTable properties_table(const BasicProperties& properties, const FieldTable& headers) {
  FieldTable table;
  const auto add_text = [&](const char* name, const std::optional<std::string_view>& value) {
    if (value) table.append(name, text(*value));
  };
  add_text("content_type", properties.content_type);
  add_text("content_encoding", properties.content_encoding);
  if (properties.headers) table.append("headers", FieldValue::table(headers));
  if (properties.delivery_mode) table.append("delivery_mode", number(*properties.delivery_mode));
  if (properties.priority) table.append("priority", number(*properties.priority));
  add_text("correlation_id", properties.correlation_id);
  add_text("reply_to", properties.reply_to);
  add_text("expiration", properties.expiration);
  add_text("message_id", properties.message_id);
  if (properties.timestamp) table.append("timestamp", number(*properties.timestamp));
  add_text("type", properties.type);
  add_text("user_id", properties.user_id);
  add_text("app_id", properties.app_id);
  add_text("cluster_id", properties.cluster_id);
  return table;
}

/// The facts that both kinds of copies have, and the copy's body and key.
class Trace {
 public:
  Trace(const Message& message, const TracedClient& client) : message_(message) {
    BasicProperties properties;
    FieldTable headers;
    if (properties.read(message.properties()) && properties.headers) {
      if (auto decoded = properties.headers->decode()) headers = std::move(*decoded);
    }
    std::vector<std::string_view> keys{message.routing_key()};
    // What cannot be read has been refused when it was published.
    static_cast<void>(append_sender_selected_keys(headers, keys));
    const auto blind = read_blind_keys(message.blind_keys());
    keys.insert(keys.end(), blind.begin(), blind.end());
    FieldArray routing_keys;
    for (const std::string_view key : keys) routing_keys.push_back(text(key));

    facts_.append("exchange_name", text(message.exchange()));
    facts_.append("routing_keys", FieldValue::array(std::move(routing_keys)));
    facts_.append("properties", FieldValue::table(properties_table(properties, headers)));
    facts_.append("node", text(client.node));
    facts_.append("connection", text(client.connection));
    facts_.append("channel", number(client.channel));
    facts_.append("user", text(client.user));
  }

  FieldTable& facts() { return facts_; }

  void publish(ShardState& shard, Vhost& vhost, const std::string& key) {
    facts_.append("vhost", text(vhost.name));
    publish_headers(shard, vhost, {trace_exchange, key, facts_, {}, message_.body()});
  }

 private:
  const Message& message_;
  FieldTable facts_;
};

/// A copy that is published or delivered would make a copy.
bool is_copy(const Message& message) { return message.exchange() == trace_exchange; }

}  // namespace

void trace_publish(ShardState& shard, Vhost& vhost, const Message& message,
                   std::span<const RouteTarget> targets, const TracedClient& client) {
  if (is_copy(message)) return;
  Trace trace(message, client);
  FieldArray queues;
  for (const RouteTarget& target : targets) {
    if (target.is_exchange()) continue;
    const QueueRecord* queue = shard.topology().find_queue(target.queue);
    if (queue != nullptr) queues.push_back(text(queue->definition->name));
  }
  trace.facts().append("routed_queues", FieldValue::array(std::move(queues)));
  trace.publish(shard, vhost, "publish." + std::string(message.exchange()));
}

void trace_delivery(ShardState& shard, Vhost& vhost, const QueueEntry& entry, QueueRef queue,
                    const TracedClient& client) {
  if (is_copy(*entry.message)) return;
  Trace trace(*entry.message, client);
  trace.facts().append("redelivered", number(entry.redelivered ? 1 : 0));
  const QueueRecord* record = shard.topology().find_queue(queue);
  trace.publish(shard, vhost,
                "deliver." + (record == nullptr ? std::string() : record->definition->name));
}

}  // namespace leveret::broker
