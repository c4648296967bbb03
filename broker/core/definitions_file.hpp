/// Definitions as RabbitMQ's tools export them: users, virtual hosts, permissions, parameters,
/// policies, exchanges, queues and bindings, in one JSON text.
///
/// Thread: values and pure functions, any.
/// Spec:   RabbitMQ's definitions (GET /api/definitions, rabbitmqctl export_definitions).
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/definition_change.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// In the order in which it is to be carried out.
struct DefinitionsFile {
  std::vector<DefinitionChange> changes;
  std::vector<ExchangeDefinition> exchanges;
  /// They have neither settings nor a place yet.
  std::vector<QueueDefinition> queues;
  std::vector<BindingDefinition> bindings;
};

/// Reads a definitions file. Keys that nobody knows are passed over, as RabbitMQ does it. What is
/// always there (the default exchange, exchanges that begin with `amq.`, bindings to the default
/// exchange) is left out.
///
/// Errors: sentences, each with the place of what is wrong ("queues[3]: 'name' is missing"); the
/// first few dozen.
Result<DefinitionsFile, std::vector<std::string>> parse_definitions(std::string_view json);
Result<DefinitionsFile, std::vector<std::string>> parse_definitions(
    const boost::json::object& file);

}  // namespace leveret::broker
