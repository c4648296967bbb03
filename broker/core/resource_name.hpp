/// Names of queues and exchanges: how they are shown in reply texts, which ones clients may not
/// use.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   AMQP 0-9-1 sections 3.1.2 and 3.1.4 (reserved names); texts as RabbitMQ gives them.
#pragma once

#include <string>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// `queue 'q' in vhost 'v'`. The names are shown as they are, with nothing escaped.
std::string queue_resource(std::string_view queue, std::string_view vhost);

/// `exchange 'e' in vhost 'v'`.
std::string exchange_resource(std::string_view exchange, std::string_view vhost);

/// The name without carriage returns and line feeds, which RabbitMQ leaves out of the names of
/// queues and exchanges in declare, bind, unbind, delete and purge.
std::string strip_line_breaks(std::string_view name);

/// Checks the name of a queue to be declared. Error: 403 access_refused, soft, for names that
/// begin with `amq.`, which are the broker's.
Result<void, protocol::AmqpError> check_queue_name(std::string_view queue);

/// Checks the name of an exchange to be created (redeclaring an existing `amq.*` is allowed).
/// Error: 403 access_refused, soft.
Result<void, protocol::AmqpError> check_exchange_name(std::string_view exchange);

/// Refuses the default exchange in declare, delete, bind and unbind. Error: 403 access_refused,
/// soft.
Result<void, protocol::AmqpError> check_not_default_exchange(std::string_view exchange);

/// Checks that clients may delete an exchange of this name, whether it exists or not. Error: 403
/// access_refused, soft, for the default exchange and `amq.*`.
Result<void, protocol::AmqpError> check_exchange_deletion(std::string_view exchange,
                                                          std::string_view vhost);

}  // namespace leveret::broker
