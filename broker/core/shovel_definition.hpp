/// What a shovel moves from where to where: the value of a parameter of the component `shovel`.
///
/// Thread: values and pure functions.
/// Peer:   rabbit_shovel_parameters: the same keys, also the older ones, the same words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/link_settings.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Properties that a shovel gives to what it publishes, in place of the message's own.
struct ShovelProperties {
  std::optional<std::string> content_type, content_encoding, correlation_id, reply_to, expiration,
      message_id, type, user_id, app_id, cluster_id;
  std::optional<std::uint8_t> delivery_mode, priority;
  std::optional<std::uint64_t> timestamp;
};

struct ShovelDefinition {
  enum class End : std::uint8_t { never, queue_length, count };

  std::vector<std::string> source_uris, destination_uris;  ///< At least one of each.
  std::optional<std::string> source_queue;     ///< Either this one,
  std::optional<std::string> source_exchange;  ///< or this one.
  std::string source_exchange_key;
  protocol::FieldTable source_queue_arguments, consumer_arguments;
  std::uint16_t prefetch_count = 1000;
  /// When the shovel has done its work and deletes its own parameter.
  End end = End::never;
  std::uint64_t end_count = 0;

  /// None of the three: each message goes to the exchange and key that it came with.
  std::optional<std::string> destination_queue, destination_exchange, destination_exchange_key;
  protocol::FieldTable destination_queue_arguments;
  ShovelProperties properties;
  bool add_forward_headers = false;
  bool add_timestamp_header = false;

  LinkAckMode ack_mode = LinkAckMode::on_confirm;
  std::uint32_t reconnect_delay_ms = 5000;
};

/// Checks and reads a shovel's parameter. Error: RabbitMQ's text, of several lines.
Result<ShovelDefinition, std::string> parse_shovel(std::string_view name, std::string_view json);

}  // namespace leveret::broker
