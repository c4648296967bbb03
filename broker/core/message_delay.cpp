#include "broker/core/message_delay.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "broker/core/argument_equivalence.hpp"

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

constexpr std::string_view delay_header = "x-delay";
constexpr std::string_view deliver_at_header = "x-deliver-at";

/// The whole number that a value says, in whatever type.
std::optional<std::int64_t> whole_number(const FieldValue& value) {
  if (const auto integer = integer_argument(value)) return integer;
  if (const auto text = value.as_string()) {
    std::int64_t number = 0;
    const char* const end = text->data() + text->size();
    const auto [stopped_at, problem] = std::from_chars(text->data(), end, number);
    if (problem == std::errc{} && stopped_at == end) return number;
  }
  if (const auto number = value.as_double()) {
    constexpr double limit = 9.2e18;
    if (std::abs(*number) < limit) return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

std::optional<std::int64_t> whole_number(const FieldTable& headers, std::string_view name) {
  const FieldValue* value = headers.find(name);
  return value == nullptr ? std::nullopt : whole_number(*value);
}

std::optional<std::int64_t> deliver_at_ms(const FieldTable& headers) {
  const FieldValue* value = headers.find(deliver_at_header);
  if (value == nullptr) return std::nullopt;
  if (value->type() != FieldType::timestamp) return whole_number(*value);
  constexpr std::uint64_t milliseconds_per_second = 1000;
  const std::uint64_t seconds = *value->as_timestamp();
  if (seconds > INT64_MAX / milliseconds_per_second) return INT64_MAX;
  return static_cast<std::int64_t>(seconds * milliseconds_per_second);
}

}  // namespace

std::uint64_t delay_of(const FieldTable& headers, WallTime published_at) {
  const auto delay_ms = whole_number(headers, delay_header);
  if (delay_ms && *delay_ms > 0) return static_cast<std::uint64_t>(*delay_ms);
  const auto due_ms = deliver_at_ms(headers);
  const auto published_ms = static_cast<std::int64_t>(published_at);
  if (!due_ms || *due_ms <= published_ms) return 0;
  return static_cast<std::uint64_t>(*due_ms) - static_cast<std::uint64_t>(published_ms);
}

MessageRef after_delay(const MessageRef& message, const RoutableMessage& read) {
  const auto delay_ms = whole_number(read.headers(), delay_header);
  if (!delay_ms || *delay_ms <= 0) return message;
  FieldTable headers = read.headers();
  const std::int64_t negative = -*delay_ms;
  const bool is_narrow = negative >= std::numeric_limits<std::int32_t>::min();
  headers.set(std::string(delay_header),
              is_narrow ? FieldValue::int32(static_cast<std::int32_t>(negative))
                        : FieldValue::int64(negative));
  return with_headers(*message, read.properties(), headers);
}

}  // namespace leveret::broker
