/// The exchanges that every virtual host has from the start.
///
/// Thread: pure functions, any.   Spec: AMQP 0-9-1 section 3.1.3; RabbitMQ adds two of its own.
#pragma once

#include <string>
#include <string_view>

#include "broker/core/topology_delta.hpp"

namespace leveret::broker {

/// Appends the making of a virtual host, with its exchanges.
void add_vhost(const std::string& name, TopologyDelta& delta);

bool is_predeclared_exchange(std::string_view name);

}  // namespace leveret::broker
