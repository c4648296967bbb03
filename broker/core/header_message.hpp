/// Messages that the broker itself makes, which say what they say in their headers.
///
/// Thread: the shard's.
#pragma once

#include <span>
#include <string_view>

#include "broker/core/message.hpp"
#include "broker/core/topology.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

class ShardState;

struct HeaderMessage {
  std::string_view exchange;
  std::string_view routing_key;  ///< What is longer than 255 bytes is cut off.
  const protocol::FieldTable& headers;
  /// The other properties; `headers` of these are not looked at.
  protocol::BasicProperties properties{};
  std::span<const std::byte> body{};
};

/// Publishes such a message; nobody waits for it. Nothing happens where there is no such exchange.
void publish_headers(ShardState& shard, Vhost& vhost, const HeaderMessage& message);

}  // namespace leveret::broker
