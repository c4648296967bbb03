/// The types of exchanges that this broker knows, and their names on the wire.
///
/// Owner:  none, plain values.   Thread: any.
/// Spec:   exchange.declare (40,10), field type.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace leveret::broker {

enum class ExchangeType : std::uint8_t { direct, fanout, topic, headers };

/// The type of that name, which is case-sensitive; nullopt when there is none.
constexpr std::optional<ExchangeType> parse_exchange_type(std::string_view name) {
  if (name == "direct") return ExchangeType::direct;
  if (name == "fanout") return ExchangeType::fanout;
  if (name == "topic") return ExchangeType::topic;
  if (name == "headers") return ExchangeType::headers;
  return std::nullopt;
}

constexpr std::string_view exchange_type_name(ExchangeType type) {
  switch (type) {
    case ExchangeType::direct: return "direct";
    case ExchangeType::fanout: return "fanout";
    case ExchangeType::topic: return "topic";
    case ExchangeType::headers: return "headers";
  }
  return {};
}

}  // namespace leveret::broker
