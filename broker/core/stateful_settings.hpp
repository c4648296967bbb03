/// What an exchange keeps beside its bindings: messages of the past, messages to come, or which
/// messages it has seen. Nearly all exchanges keep nothing.
///
/// Owner:  none, plain values and pure functions.   Thread: any.
/// Spec:   exchange.declare (40,10), field arguments; the plugins rabbitmq_recent_history_exchange,
///         rabbitmq_delayed_message_exchange and rabbitmq_message_deduplication, and LavinMQ.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "broker/core/exchange_type.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Which messages are the same as one that came before.
struct DeduplicationSettings {
  std::uint64_t size_max = 128;         ///< So many header values are remembered.
  std::optional<std::uint64_t> ttl_ms;  ///< For so long; none: until others take their place.
  std::string header = "x-deduplication-header";
};

struct StatefulSettings {
  bool delays = false;
  std::optional<std::uint64_t> history_length;  ///< So many messages are kept for new bindings.
  std::optional<DeduplicationSettings> deduplication;
};
/// Null: the exchange keeps nothing.
using StatefulSettingsRef = std::unique_ptr<const StatefulSettings>;

/// How an exchange finds destinations: those that keep something do it as one of the plain types
/// does. Requires: the arguments have been checked.
ExchangeType routing_type(ExchangeType type, const protocol::FieldTable& arguments);

/// What an exchange of that type and with these arguments keeps. Error: 406 precondition_failed,
/// soft, for arguments that are missing or make no sense.
Result<StatefulSettingsRef, protocol::AmqpError> parse_stateful_settings(
    ExchangeType type, const protocol::FieldTable& arguments);

}  // namespace leveret::broker
