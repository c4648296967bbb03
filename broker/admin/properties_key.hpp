/// The name that the API gives a binding among those between the same two ends.
///
/// Thread: pure function, any.
/// Spec:   RabbitMQ's HTTP API: the routing key, form-encoded, and a hash of the arguments if there
///         are any. RabbitMQ's hash is of Erlang's terms; this one is of what AMQP writes.
#pragma once

#include <string>

#include "broker/core/control_port.hpp"

namespace leveret::admin {

/// "~" without key and arguments.
std::string properties_key(const broker::BindingDefinition& binding);

}  // namespace leveret::admin
