/// The parameters that make links to other brokers: shovels and federation.
///
/// Thread: pure functions.
#pragma once

#include <string>

#include "broker/core/durable_definitions.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// Whether a component's parameters are about links.
bool is_link_component(std::string_view component);

/// Checks a parameter that is about links; any other is right. Error: RabbitMQ's text, of several
/// lines.
Result<void, std::string> check_link_parameter(const ParameterDefinition& parameter);

}  // namespace leveret::broker
