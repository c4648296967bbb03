#include "broker/core/exchange_arguments.hpp"

#include <array>
#include <utility>

#include "broker/core/argument_equivalence.hpp"
#include "broker/core/federation_index.hpp"
#include "broker/core/hash_source.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/stateful_settings.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;

constexpr std::string_view alternate_exchange_argument = "alternate-exchange";
constexpr std::array compared_arguments{alternate_exchange_argument};
// LavinMQ's name of the same.
constexpr std::string_view other_alternate_exchange_argument = "x-alternate-exchange";

std::string_view alternate_name(const protocol::FieldTable& arguments) {
  return arguments.find(alternate_exchange_argument) != nullptr
             ? alternate_exchange_argument
             : other_alternate_exchange_argument;
}

/// What counts when declarations are compared, by RabbitMQ's name.
protocol::FieldTable compared(const protocol::FieldTable& arguments) {
  protocol::FieldTable table;
  if (const auto* value = arguments.find(alternate_name(arguments))) {
    table.set(std::string(alternate_exchange_argument), *value);
  }
  return table;
}

std::string quoted_type(ExchangeType type) {
  // RabbitMQ prints an atom, which has quotes of its own where its name has dashes.
  const std::string name(exchange_type_name(type));
  return name.find('-') == std::string::npos ? "'" + name + "'" : "''" + name + "''";
}

}  // namespace

Result<ExchangeType, AmqpError> check_exchange_type(std::string_view type) {
  if (const auto known = parse_exchange_type(type)) return *known;
  return tl::unexpected(AmqpError::precondition_failed(
      (type.empty() ? "invalid exchange type '" : "unknown exchange type '") + std::string(type) +
      "'"));
}

Result<std::optional<std::string>, AmqpError> alternate_exchange_of(
    const ExchangeDefinition& exchange) {
  return text_argument(alternate_name(exchange.arguments),
                       exchange_resource(exchange.name, exchange.vhost), exchange.arguments);
}

Result<ExchangeSettings, AmqpError> parse_exchange_arguments(
    const ExchangeDefinition& exchange) {
  const std::string resource = exchange_resource(exchange.name, exchange.vhost);
  auto alternate = alternate_exchange_of(exchange);
  if (!alternate) return tl::unexpected(std::move(alternate.error()));
  const auto state = parse_stateful_settings(exchange.type, exchange.arguments);
  if (!state) return tl::unexpected(state.error());
  if (routing_type(exchange.type, exchange.arguments) == ExchangeType::consistent_hash) {
    const auto source = parse_hash_source(resource, exchange.arguments);
    if (!source) return tl::unexpected(source.error());
  }
  if (exchange.type == ExchangeType::federation_upstream) {
    const auto checked = check_federation_arguments(exchange.arguments);
    if (!checked) return tl::unexpected(checked.error());
  }
  return ExchangeSettings{std::move(*alternate)};
}

Result<void, AmqpError> check_exchange_equivalence(const ExchangeDefinition& existing,
                                                   const ExchangeDefinition& received) {
  const std::string resource = exchange_resource(existing.name, existing.vhost);
  if (existing.type != received.type) {
    return tl::unexpected(inequivalent("type", resource, quoted_type(received.type),
                                       quoted_type(existing.type)));
  }
  return check_equivalent_flag("durable", resource, existing.durable, received.durable)
      .and_then([&] {
        return check_equivalent_flag("auto_delete", resource, existing.auto_delete,
                                     received.auto_delete);
      })
      .and_then([&] {
        return check_equivalent_flag("internal", resource, existing.internal, received.internal);
      })
      .and_then([&]() -> Result<void, AmqpError> {
        if (existing.type != ExchangeType::federation_upstream) return {};
        return check_equivalent_arguments(std::array{max_hops_argument}, resource,
                                          existing.arguments, received.arguments);
      })
      .and_then([&] {
        return check_equivalent_arguments(compared_arguments, resource,
                                          compared(existing.arguments),
                                          compared(received.arguments));
      });
}

}  // namespace leveret::broker
