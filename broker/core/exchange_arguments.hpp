/// Arguments of exchange.declare, and when a second declaration of an exchange is the same as the
/// first.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   exchange.declare (40,10); rules, order of the checks and texts of RabbitMQ 3.10 to 3.13.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/core/exchange_type.hpp"
#include "broker/core/topology_delta.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// What the arguments of an exchange ask for.
struct ExchangeSettings {
  /// Takes the messages that match no binding. Absent, or empty: none.
  std::optional<std::string> alternate_exchange;
};

/// The type that a declaration names. Error: 406 precondition_failed, soft, as RabbitMQ 3.13 has
/// it (3.10 closes the connection with 503).
Result<ExchangeType, protocol::AmqpError> check_exchange_type(std::string_view type);

/// The alternate exchange that the arguments name: `alternate-exchange` or, without that, LavinMQ's
/// `x-alternate-exchange`. Error: 406 precondition_failed, soft, when it is no text.
Result<std::optional<std::string>, protocol::AmqpError> alternate_exchange_of(
    const ExchangeDefinition& exchange);

/// Reads and checks the arguments of a new exchange, as far as they mean something to its type.
/// Error: 406 precondition_failed, soft. Unknown arguments are accepted and mean nothing.
Result<ExchangeSettings, protocol::AmqpError> parse_exchange_arguments(
    const ExchangeDefinition& exchange);

/// Checks that a second declaration says the same as the first. Of the arguments only
/// the alternate exchange counts, by whichever name. Error: 406 precondition_failed, soft.
Result<void, protocol::AmqpError> check_exchange_equivalence(const ExchangeDefinition& existing,
                                                             const ExchangeDefinition& received);

}  // namespace leveret::broker
