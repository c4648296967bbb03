#include "broker/core/argument_equivalence.hpp"

#include <utility>

#include "broker/core/argument_value.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

/// Shown where the other side has no value: with its type.
std::string lone_value_text(const FieldValue* value) {
  if (value == nullptr) return "none";
  return "the value '" + bare_term_text(*value) + "' of type '" +
         std::string(type_name(value->type())) + "'";
}

/// Shown where the other side has a value too. A void is what RabbitMQ has for absence.
std::string value_text(const FieldValue& value) {
  if (value.type() == FieldType::void_value) return "none";
  return "'" + bare_term_text(value) + "'";
}

bool is_classic(const FieldValue* type) {
  return type == nullptr ||
         (type->type() == FieldType::long_string && *type->as_string() == "classic");
}

}  // namespace

std::optional<std::int64_t> integer_argument(const FieldValue& value) {
  switch (value.type()) {
    case FieldType::int8:
    case FieldType::uint8:
    case FieldType::int16:
    case FieldType::uint16:
    case FieldType::int32:
    case FieldType::uint32:
    case FieldType::int64: return value.as_integer();
    default: return std::nullopt;
  }
}

Result<std::optional<std::string>, AmqpError> text_argument(std::string_view argument,
                                                           std::string_view resource,
                                                           const FieldTable& arguments) {
  const FieldValue* value = arguments.find(argument);
  if (value == nullptr) return std::nullopt;
  if (value->type() == FieldType::long_string) return std::string(*value->as_string());
  std::string text("invalid type '");
  text.append(type_name(value->type())).append("' for arg '").append(argument);
  text.append("' in ").append(resource);
  return tl::unexpected(AmqpError::precondition_failed(std::move(text)));
}

AmqpError inequivalent(std::string_view argument, std::string_view resource,
                       std::string_view received, std::string_view current) {
  std::string text("inequivalent arg '");
  text.append(argument).append("' for ").append(resource);
  text.append(": received ").append(received).append(" but current is ").append(current);
  return AmqpError::precondition_failed(std::move(text));
}

Result<void, AmqpError> check_equivalent_flag(std::string_view flag, std::string_view resource,
                                              bool existing, bool received) {
  if (existing == received) return {};
  return tl::unexpected(inequivalent(flag, resource, received ? "'true'" : "'false'",
                                     existing ? "'true'" : "'false'"));
}

Result<void, AmqpError> check_equivalent_arguments(std::span<const std::string_view> names,
                                                   std::string_view resource,
                                                   const FieldTable& existing,
                                                   const FieldTable& received) {
  for (const std::string_view name : names) {
    const FieldValue* current = existing.find(name);
    const FieldValue* wanted = received.find(name);
    if (current == nullptr && wanted == nullptr) continue;
    if (current != nullptr && wanted != nullptr) {
      if (equal_terms(*current, *wanted, NumberRule::exact)) continue;
      return tl::unexpected(
          inequivalent(name, resource, value_text(*wanted), value_text(*current)));
    }
    if (name == "x-queue-type" && is_classic(current) && is_classic(wanted)) continue;
    return tl::unexpected(
        inequivalent(name, resource, lone_value_text(wanted), lone_value_text(current)));
  }
  return {};
}

}  // namespace leveret::broker
