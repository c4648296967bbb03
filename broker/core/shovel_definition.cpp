#include "broker/core/shovel_definition.hpp"

#include <boost/json/value.hpp>
#include <limits>

#include "broker/core/json_term.hpp"
#include "broker/core/parameter_checks.hpp"

namespace leveret::broker {

namespace json = boost::json;

namespace {

ParameterProblems check_protocol(std::string_view key, const json::value& value) {
  static constexpr std::string_view protocols[] = {"amqp10", "amqp091"};
  ParameterProblems problems = check_one_of(key, value, protocols);
  if (problems.empty() && value.as_string() == "amqp10") {
    return {std::string(key) + " amqp10 is not supported: shovels speak AMQP 0-9-1 (amqp091)"};
  }
  return problems;
}

ParameterProblems check_delete_after(std::string_view key, const json::value& value) {
  if (value.is_string() && (value.as_string() == "never" || value.as_string() == "queue-length")) {
    return {};
  }
  if ((value.is_int64() && value.as_int64() >= 0) || value.is_uint64()) return {};
  return {std::string(key) +
          " should be a number greater than or equal to 0, \"never\" or \"queue-length\", "
          "actually was " +
          json_term_text(value)};
}

/// Values are checked when the queue is declared or consumed from; only names are here.
ParameterProblems accept(std::string_view, const json::value&) { return {}; }

template <std::size_t count>
ParameterProblems check_names(std::string_view key, const json::value& value,
                              const std::string_view (&names)[count]) {
  ParameterField fields[count];
  for (std::size_t i = 0; i < count; ++i) fields[i] = {names[i], accept};
  return check_object(key, value, fields);
}

ParameterProblems check_queue_arguments(std::string_view key, const json::value& value) {
  static constexpr std::string_view names[] = {
      "x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key",
      "x-dead-letter-strategy", "x-max-length", "x-max-length-bytes", "x-max-in-memory-length",
      "x-max-in-memory-bytes", "x-max-priority", "x-overflow", "x-queue-mode", "x-queue-version",
      "x-single-active-consumer", "x-queue-type", "x-quorum-initial-group-size",
      "x-delivery-limit", "x-max-age", "x-stream-max-segment-size-bytes",
      "x-stream-filter-size-bytes", "x-initial-cluster-size", "x-queue-leader-locator"};
  return check_names(key, value, names);
}

ParameterProblems check_consumer_arguments(std::string_view key, const json::value& value) {
  static constexpr std::string_view names[] = {"x-priority", "x-credit", "x-cancel-on-ha-failover",
                                               "x-stream-offset", "x-stream-filter",
                                               "x-stream-match-unfiltered"};
  return check_names(key, value, names);
}

ParameterProblems check_properties(std::string_view key, const json::value& value) {
  static constexpr ParameterField fields[] = {
      {"content_type", check_queue_name}, {"content_encoding", check_queue_name},
      {"delivery_mode", check_number},    {"priority", check_number},
      {"correlation_id", check_queue_name}, {"reply_to", check_queue_name},
      {"expiration", check_queue_name},   {"message_id", check_queue_name},
      {"timestamp", check_number},        {"type", check_queue_name},
      {"user_id", check_queue_name},      {"app_id", check_queue_name},
      {"cluster_id", check_queue_name},
  };
  return check_object(key, value, fields);
}

// In RabbitMQ's order, which is that of its messages.
constexpr ParameterField fields_of_shovel[] = {
    {"reconnect-delay", check_number},
    {"ack-mode", check_ack_mode},
    {"src-protocol", check_protocol},
    {"dest-protocol", check_protocol},
    {"src-uri", check_uri, true},
    {"src-exchange", check_queue_name},
    {"src-exchange-key", check_queue_name},
    {"src-queue", check_queue_name},
    {"src-queue-args", check_queue_arguments},
    {"src-consumer-args", check_consumer_arguments},
    {"prefetch-count", check_number},
    {"src-prefetch-count", check_number},
    {"delete-after", check_delete_after},
    {"src-delete-after", check_delete_after},
    {"dest-uri", check_uri, true},
    {"dest-exchange", check_queue_name},
    {"dest-exchange-key", check_queue_name},
    {"dest-queue", check_queue_name},
    {"dest-queue-args", check_queue_arguments},
    {"add-forward-headers", check_boolean},
    {"add-timestamp-header", check_boolean},
    {"dest-add-forward-headers", check_boolean},
    {"dest-add-timestamp-header", check_boolean},
    {"publish-properties", check_properties},
    {"dest-publish-properties", check_properties},
};

const json::value* either(const json::object& object, std::string_view key,
                          std::string_view older) {
  const json::value* value = object.if_contains(key);
  return value != nullptr ? value : object.if_contains(older);
}

void check_ends(const json::object& shovel, ParameterProblems& problems) {
  const bool has_exchange = shovel.contains("src-exchange");
  const bool has_queue = shovel.contains("src-queue");
  if (!has_exchange && !has_queue) {
    problems.emplace_back("Must specify 'src-exchange' or 'src-queue'");
  } else if (has_exchange && has_queue) {
    problems.emplace_back("Cannot specify 'src-exchange' and 'src-queue'");
  }
  const json::value* end = either(shovel, "src-delete-after", "delete-after");
  if (end != nullptr && end->is_number() && text_of(shovel, "ack-mode", "") == "no-ack") {
    problems.emplace_back("Cannot specify 'no-ack' and numerical 'delete-after'");
  }
  if (shovel.contains("dest-exchange") && shovel.contains("dest-queue")) {
    problems.emplace_back("Cannot specify 'dest-exchange' and 'dest-queue'");
  }
}

ParameterProblems check_shovel(std::string_view name, const json::value& value) {
  ParameterProblems problems;
  check_ends(value.is_object() ? value.as_object() : json::object(), problems);
  const ParameterProblems others = check_object(name, value, fields_of_shovel);
  problems.insert(problems.end(), others.begin(), others.end());
  return problems;
}

ShovelProperties read_properties(const json::value* value) {
  ShovelProperties properties;
  if (value == nullptr || !value->is_object()) return properties;
  const json::object& object = value->as_object();
  properties.content_type = text_of(object, "content_type");
  properties.content_encoding = text_of(object, "content_encoding");
  properties.correlation_id = text_of(object, "correlation_id");
  properties.reply_to = text_of(object, "reply_to");
  properties.expiration = text_of(object, "expiration");
  properties.message_id = text_of(object, "message_id");
  properties.type = text_of(object, "type");
  properties.user_id = text_of(object, "user_id");
  properties.app_id = text_of(object, "app_id");
  properties.cluster_id = text_of(object, "cluster_id");
  const auto octet = [&](std::string_view key) -> std::optional<std::uint8_t> {
    if (!object.contains(key)) return std::nullopt;
    return static_cast<std::uint8_t>(number_of(object, key, 0, UINT8_MAX));
  };
  properties.delivery_mode = octet("delivery_mode");
  properties.priority = octet("priority");
  if (object.contains("timestamp")) {
    properties.timestamp = number_of(object, "timestamp", 0, INT64_MAX);
  }
  return properties;
}

protocol::FieldTable arguments_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? table_of(value->as_object())
                                                : protocol::FieldTable();
}

}  // namespace

Result<ShovelDefinition, std::string> parse_shovel(std::string_view name, std::string_view text) {
  const auto parsed = parse_parameter_json(text);
  if (!parsed) return tl::unexpected(parsed.error());
  const ParameterProblems problems = check_shovel(name, *parsed);
  if (!problems.empty()) return tl::unexpected(problems_text(problems));
  const json::object& object = parsed->as_object();

  ShovelDefinition shovel;
  shovel.source_uris = uris_of(object, "src-uri");
  shovel.source_queue = text_of(object, "src-queue");
  shovel.source_exchange = text_of(object, "src-exchange");
  shovel.source_exchange_key = text_of(object, "src-exchange-key", "");
  shovel.source_queue_arguments = arguments_of(object, "src-queue-args");
  shovel.consumer_arguments = arguments_of(object, "src-consumer-args");
  const std::uint64_t older_prefetch = number_of(object, "prefetch-count", 1000, UINT16_MAX);
  shovel.prefetch_count = static_cast<std::uint16_t>(
      number_of(object, "src-prefetch-count", older_prefetch, UINT16_MAX));
  if (const json::value* end = either(object, "src-delete-after", "delete-after")) {
    if (end->is_number()) {
      shovel.end = ShovelDefinition::End::count;
      shovel.end_count = end->is_int64() ? static_cast<std::uint64_t>(end->as_int64())
                                         : end->as_uint64();
    } else if (end->as_string() == "queue-length") {
      shovel.end = ShovelDefinition::End::queue_length;
    }
  }
  shovel.destination_uris = uris_of(object, "dest-uri");
  shovel.destination_queue = text_of(object, "dest-queue");
  shovel.destination_exchange = text_of(object, "dest-exchange");
  shovel.destination_exchange_key = text_of(object, "dest-exchange-key");
  shovel.destination_queue_arguments = arguments_of(object, "dest-queue-args");
  shovel.properties = read_properties(
      either(object, "dest-publish-properties", "publish-properties"));
  shovel.add_forward_headers = truth_of(object, "dest-add-forward-headers",
                                        truth_of(object, "add-forward-headers", false));
  shovel.add_timestamp_header = truth_of(object, "dest-add-timestamp-header",
                                         truth_of(object, "add-timestamp-header", false));
  shovel.ack_mode = link_ack_mode(text_of(object, "ack-mode", "on-confirm"));
  shovel.reconnect_delay_ms = milliseconds_of(object, "reconnect-delay", 5000);
  return shovel;
}

}  // namespace leveret::broker
