#include "broker/core/stateful_settings.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include "broker/core/argument_equivalence.hpp"
#include "broker/core/argument_value.hpp"
#include "broker/core/exchange_arguments.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldValue;

constexpr std::string_view delayed_type_argument = "x-delayed-type";
constexpr std::string_view history_length_argument = "x-recent-history-length";
constexpr std::uint64_t default_history_length = 20;

tl::unexpected<AmqpError> invalid(std::string text) {
  return tl::unexpected(AmqpError::precondition_failed(std::move(text)));
}

/// The exchange type that routes what has been delayed. Error: as parse_stateful_settings().
Result<ExchangeType, AmqpError> parse_delayed_type(const FieldTable& arguments) {
  const FieldValue* value = arguments.find(delayed_type_argument);
  const auto name = value == nullptr ? std::nullopt : value->as_string();
  if (!name) return invalid("Invalid argument, 'x-delayed-type' must be an existing exchange type");
  if (*name == exchange_type_name(ExchangeType::delayed_message)) {
    return invalid("Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
  }
  if (*name == exchange_type_name(ExchangeType::federation_upstream)) {
    return invalid("Invalid argument, 'x-federation-upstream' can't be used for 'x-delayed-type'");
  }
  return check_exchange_type(*name);
}

Result<std::uint64_t, AmqpError> parse_history_length(const FieldTable& arguments) {
  const FieldValue* value = arguments.find(history_length_argument);
  if (value == nullptr) return default_history_length;
  const auto length = integer_argument(*value);
  if (length && *length > 0) return static_cast<std::uint64_t>(*length);
  return invalid("Invalid argument " + term_text(*value) +
                 ", 'x-recent-history-length' must be a positive integer");
}

/// A number above 0, or a text that begins with one.
std::optional<std::uint64_t> positive_number(const FieldValue& value) {
  std::optional<std::int64_t> number = integer_argument(value);
  if (const auto text = value.as_string()) {
    std::int64_t read = 0;
    const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), read);
    if (problem == std::errc{}) number = read;
  }
  if (!number || *number <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

Result<DeduplicationSettings, AmqpError> parse_deduplication(bool is_size_required,
                                                             const FieldTable& arguments) {
  DeduplicationSettings settings;
  const FieldValue* size = arguments.find("x-cache-size");
  if (size != nullptr || is_size_required) {
    const auto number = size == nullptr ? std::nullopt : positive_number(*size);
    if (!number) {
      return invalid(
          "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0");
    }
    settings.size_max = *number;
  }
  if (const FieldValue* ttl = arguments.find("x-cache-ttl")) {
    settings.ttl_ms = positive_number(*ttl);
    if (!settings.ttl_ms) {
      return invalid("Invalid argument, 'x-cache-ttl' must be an integer greater than 0");
    }
  }
  // A durable exchange remembers on disk, any other one in memory, whatever this says: it could
  // only ask for less. But a value that the plugin refuses is a mistake to be told.
  if (const FieldValue* persistence = arguments.find("x-cache-persistence")) {
    const auto text = persistence->as_string();
    if (text != "disk" && text != "memory") {
      return invalid("Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'");
    }
  }
  if (const FieldValue* header = arguments.find("x-deduplication-header")) {
    const auto name = header->as_string();
    if (!name || name->empty()) {
      return invalid("Invalid argument, 'x-deduplication-header' must be the name of a header");
    }
    settings.header = *name;
  }
  return settings;
}

/// What the argument `x-message-deduplication` of an exchange of any type says.
Result<bool, AmqpError> parse_deduplicates(const FieldTable& arguments) {
  const FieldValue* value = arguments.find("x-message-deduplication");
  if (value == nullptr) return false;
  const auto deduplicates = value->as_bool();
  if (!deduplicates) {
    return invalid("Invalid argument, 'x-message-deduplication' must be a boolean");
  }
  return *deduplicates;
}

}  // namespace

ExchangeType routing_type(ExchangeType type, const FieldTable& arguments) {
  if (type == ExchangeType::delayed_message) {
    const auto delayed_type = parse_delayed_type(arguments);
    type = delayed_type ? *delayed_type : ExchangeType::direct;
  }
  const bool is_like_fanout =
      type == ExchangeType::recent_history || type == ExchangeType::message_deduplication;
  return is_like_fanout ? ExchangeType::fanout : type;
}

Result<StatefulSettingsRef, AmqpError> parse_stateful_settings(ExchangeType type,
                                                               const FieldTable& arguments) {
  StatefulSettings settings;
  if (type == ExchangeType::delayed_message) {
    const auto delayed_type = parse_delayed_type(arguments);
    if (!delayed_type) return tl::unexpected(delayed_type.error());
    settings.delays = true;
    type = *delayed_type;
  }
  if (type == ExchangeType::recent_history) {
    const auto length = parse_history_length(arguments);
    if (!length) return tl::unexpected(length.error());
    settings.history_length = *length;
  }
  const auto deduplicates = parse_deduplicates(arguments);
  if (!deduplicates) return tl::unexpected(deduplicates.error());
  const bool is_deduplicating_type = type == ExchangeType::message_deduplication;
  if (*deduplicates || is_deduplicating_type) {
    auto deduplication = parse_deduplication(is_deduplicating_type, arguments);
    if (!deduplication) return tl::unexpected(std::move(deduplication.error()));
    settings.deduplication = std::move(*deduplication);
  }
  if (!settings.delays && !settings.history_length && !settings.deduplication) return nullptr;
  return std::make_unique<const StatefulSettings>(std::move(settings));
}

}  // namespace leveret::broker
