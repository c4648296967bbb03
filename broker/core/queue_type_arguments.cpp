#include "broker/core/queue_type_arguments.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace leveret::broker {

using protocol::AmqpError;
using protocol::FieldType;
using protocol::FieldValue;

namespace {

struct NamedType {
  QueueType type;
  std::string_view name;
  std::string_view module;
};
constexpr std::array types{
    NamedType{QueueType::classic, "classic", "rabbit_classic_queue"},
    NamedType{QueueType::quorum, "quorum", "rabbit_quorum_queue"},
    NamedType{QueueType::stream, "stream", "rabbit_stream_queue"},
};

// Deduplication is of a plugin, which has it for these only.
constexpr std::array<std::string_view, 16> classic_arguments{
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-priority",
    "x-overflow",
    "x-queue-mode",
    "x-queue-version",
    "x-single-active-consumer",
    "x-queue-type",
    "x-queue-master-locator",
    "x-consumer-timeout",
    "x-consumer-timeout-action",
    "x-message-deduplication",
};

constexpr std::array<std::string_view, 17> quorum_arguments{
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-overflow",
    "x-single-active-consumer",
    "x-queue-type",
    "x-quorum-initial-group-size",
    "x-delivery-limit",
    "x-message-ttl",
    "x-queue-leader-locator",
    "x-consumer-timeout",
    "x-consumer-timeout-action",
};

// The filter's size is of RabbitMQ 3.12.
constexpr std::array<std::string_view, 7> stream_arguments{
    "x-max-length-bytes",
    "x-queue-type",
    "x-max-age",
    "x-stream-max-segment-size-bytes",
    "x-stream-filter-size-bytes",
    "x-initial-cluster-size",
    "x-queue-leader-locator",
};

constexpr std::array<std::string_view, 4> queue_leader_locators{"client-local", "balanced",
                                                                "random", "least-leaders"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::optional<QueueType> find_type(std::string_view name) {
  const auto found = std::ranges::find(types, name, &NamedType::name);
  if (found == types.end()) return std::nullopt;
  return found->type;
}

std::string_view type_module(QueueType type) {
  return std::ranges::find(types, type, &NamedType::type)->module;
}

std::span<const std::string_view> arguments_of(QueueType type) {
  switch (type) {
    case QueueType::classic: return classic_arguments;
    case QueueType::quorum: return quorum_arguments;
    case QueueType::stream: return stream_arguments;
  }
  return {};
}

bool has_argument(QueueType type, std::string_view argument) {
  return contains(arguments_of(type), argument);
}

bool is_of_other_types_only(QueueType type, std::string_view argument) {
  if (has_argument(type, argument)) return false;
  return std::ranges::any_of(
      types, [&](const NamedType& other) { return has_argument(other.type, argument); });
}

Complaint check_dead_letter_strategy(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const std::string_view name = *value.as_string();
  if (name == "at-least-once") {
    arguments.settings.dead_letter_strategy = DeadLetterStrategy::at_least_once;
  } else if (name != "at-most-once") {
    return "invalid_dlx_strategy";
  }
  return {};
}

Complaint check_delivery_limit(const FieldValue& value, DeclaredArguments& arguments) {
  const auto limit = integer(value);
  if (!limit) return limit.error();
  if (*limit < 0) return {};
  arguments.settings.delivery_limit =
      static_cast<std::uint32_t>(std::min<std::int64_t>(*limit, UINT32_MAX));
  return {};
}

std::optional<std::uint64_t> parse_max_age_ms(std::string_view text) {
  std::uint64_t number = 0;
  const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number == 0 || unit + 1 != text.data() + text.size()) {
    return std::nullopt;
  }
  constexpr std::uint64_t day_ms = 24ull * 3600 * 1000;
  const std::uint64_t unit_ms = *unit == 's'   ? 1000
                                : *unit == 'm' ? 60 * 1000
                                : *unit == 'h' ? 3600 * 1000
                                : *unit == 'D' ? day_ms
                                : *unit == 'M' ? 30 * day_ms
                                : *unit == 'Y' ? 365 * day_ms
                                               : 0;
  if (unit_ms == 0) return std::nullopt;
  return number > UINT64_MAX / unit_ms ? UINT64_MAX : number * unit_ms;
}

Complaint check_max_age(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  arguments.settings.max_age_ms = parse_max_age_ms(*value.as_string());
  return arguments.settings.max_age_ms ? Complaint{} : "invalid_max_age";
}

Complaint check_stream_max_segment_size(const FieldValue& value, DeclaredArguments& arguments) {
  return store(non_negative(value), arguments.settings.stream_max_segment_size_bytes);
}

Complaint check_stream_filter_size(const FieldValue& value, DeclaredArguments& arguments) {
  auto size = non_negative(value);
  if (size && (*size < 16 || *size > 255)) {
    return "{invalid_filter_size," + std::to_string(*size) + "}";
  }
  return store(std::move(size), arguments.settings.stream_filter_size_bytes);
}

Complaint check_count_of_members(const FieldValue& value, DeclaredArguments&) {
  const auto count = non_negative(value);
  if (!count) return count.error();
  return *count == 0 ? about_number("value_zero", 0) : Complaint{};
}

Complaint check_queue_leader_locator(const FieldValue& value, DeclaredArguments&) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  if (contains(queue_leader_locators, *value.as_string())) return {};
  return "invalid_queue_locator_arg";
}

Complaint check_amount_without_meaning(const FieldValue& value, DeclaredArguments&) {
  const auto amount = non_negative(value);
  return amount ? Complaint{} : amount.error();
}

Result<void, AmqpError> check_stream_limits(const QueueSettings& settings) {
  constexpr std::uint64_t segment_max_bytes = 3'000'000'000;
  if (settings.stream_max_segment_size_bytes.value_or(0) <= segment_max_bytes) return {};
  return tl::unexpected(AmqpError::precondition_failed(
      "Exceeded max value for x-stream-max-segment-size-bytes"));
}

}  // namespace leveret::broker
