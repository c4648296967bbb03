#include "broker/core/stream_reading.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/core/argument_value.hpp"
#include "broker/core/queue_type_arguments.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/bytes.hpp"

namespace leveret::broker {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

namespace {

constexpr std::string_view filter_value_header = "x-stream-filter-value";
constexpr std::uint64_t second_ms = 1000;

std::optional<StreamStart> parse_start(const FieldValue& value) {
  if (const auto seconds = value.as_timestamp()) {
    constexpr auto seconds_max = static_cast<std::uint64_t>(INT64_MAX) / second_ms;
    return StreamStart{StreamStart::Time{
        WallTime{static_cast<std::int64_t>(std::min(*seconds, seconds_max) * second_ms)}}};
  }
  if (const auto number = value.as_integer()) {
    // RabbitMQ begins with the first message for one below zero, too.
    return StreamStart{
        StreamOffset{static_cast<std::uint64_t>(std::max<std::int64_t>(*number, 0))}};
  }
  if (value.type() != FieldType::long_string) return std::nullopt;
  const std::string_view text = *value.as_string();
  if (text == "first") return StreamStart{StreamStart::First{}};
  if (text == "last") return StreamStart{StreamStart::Last{}};
  if (text == "next") return StreamStart{StreamStart::Next{}};
  if (const auto duration_ms = parse_max_age_ms(text)) {
    return StreamStart{StreamStart::Interval{*duration_ms}};
  }
  return std::nullopt;
}

bool add_filter(const FieldValue& value, std::vector<std::string>& filters) {
  if (value.type() != FieldType::long_string) return false;
  filters.emplace_back(*value.as_string());
  return true;
}

bool parse_filters(const FieldValue& value, std::vector<std::string>& filters) {
  const auto* several = value.as_array();
  if (several == nullptr) return add_filter(value, filters);
  return !several->empty() && std::ranges::all_of(*several, [&](const FieldValue& one) {
    return add_filter(one, filters);
  });
}

}  // namespace

Result<StreamReading, AmqpError> parse_stream_reading(const std::string& resource,
                                                      const FieldTable& arguments) {
  // RabbitMQ's text, which it has for some of the values only; on others it crashes (541).
  const auto refuse = [&](std::string_view argument, std::string_view complaint,
                          const FieldValue& value) {
    std::string text("invalid arg '");
    text.append(argument).append("' for ").append(resource).append(": {").append(complaint);
    text.append(",{").append(type_name(value.type())).append(",").append(term_text(value));
    return tl::unexpected(AmqpError::precondition_failed(std::move(text) + "}}"));
  };
  StreamReading reading;
  if (const FieldValue* offset = arguments.find("x-stream-offset")) {
    auto start = parse_start(*offset);
    if (!start) return refuse("x-stream-offset", "invalid_stream_offset_arg", *offset);
    reading.start = std::move(*start);
  }
  if (const FieldValue* filter = arguments.find("x-stream-filter")) {
    if (!parse_filters(*filter, reading.filters)) {
      return refuse("x-stream-filter", "invalid_stream_filter_arg", *filter);
    }
  }
  if (const FieldValue* unfiltered = arguments.find("x-stream-match-unfiltered")) {
    const auto yes = unfiltered->as_bool();
    if (!yes) {
      return refuse("x-stream-match-unfiltered", "invalid_stream_match_unfiltered_arg",
                    *unfiltered);
    }
    reading.match_unfiltered = *yes;
  }
  return reading;
}

bool StreamReading::wants(std::span<const std::byte> properties) const {
  if (filters.empty()) return true;
  const auto decoded = protocol::BasicProperties::decode(properties);
  if (!decoded || !decoded->headers) return match_unfiltered;
  const auto value = decoded->headers->find(filter_value_header);
  // A long string is its letter, its size in four bytes, and its bytes.
  constexpr std::size_t before_text_bytes = 5;
  if (!value || static_cast<char>(value->front()) != static_cast<char>(FieldType::long_string)) {
    return match_unfiltered;
  }
  const auto found = protocol::text_of(value->subspan(before_text_bytes));
  return std::ranges::find(filters, found) != filters.end();
}

}  // namespace leveret::broker
