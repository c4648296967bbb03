/// The types of exchanges that this broker knows, and their names on the wire.
///
/// Owner:  none, plain values.   Thread: any.
/// Spec:   exchange.declare (40,10), field type.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace leveret::broker {

/// Their numbers are stored.
enum class ExchangeType : std::uint8_t {
  direct = 0,
  fanout = 1,
  topic = 2,
  headers = 3,
  consistent_hash = 4,
  random = 5,
  local_random = 6,
  modulus_hash = 7,
  federation_upstream = 8,
  recent_history = 9,
  delayed_message = 10,
  message_deduplication = 11,
};
constexpr std::uint8_t exchange_type_count = 12;

/// The type of that name, which is case-sensitive; nullopt when there is none.
constexpr std::optional<ExchangeType> parse_exchange_type(std::string_view name) {
  if (name == "direct") return ExchangeType::direct;
  if (name == "fanout") return ExchangeType::fanout;
  if (name == "topic") return ExchangeType::topic;
  if (name == "headers") return ExchangeType::headers;
  if (name == "x-consistent-hash") return ExchangeType::consistent_hash;
  if (name == "x-random") return ExchangeType::random;
  if (name == "x-local-random") return ExchangeType::local_random;
  if (name == "x-modulus-hash") return ExchangeType::modulus_hash;
  if (name == "x-federation-upstream") return ExchangeType::federation_upstream;
  if (name == "x-recent-history") return ExchangeType::recent_history;
  if (name == "x-delayed-message") return ExchangeType::delayed_message;
  if (name == "x-message-deduplication") return ExchangeType::message_deduplication;
  return std::nullopt;
}

constexpr std::string_view exchange_type_name(ExchangeType type) {
  switch (type) {
    case ExchangeType::direct: return "direct";
    case ExchangeType::fanout: return "fanout";
    case ExchangeType::topic: return "topic";
    case ExchangeType::headers: return "headers";
    case ExchangeType::consistent_hash: return "x-consistent-hash";
    case ExchangeType::random: return "x-random";
    case ExchangeType::local_random: return "x-local-random";
    case ExchangeType::modulus_hash: return "x-modulus-hash";
    case ExchangeType::federation_upstream: return "x-federation-upstream";
    case ExchangeType::recent_history: return "x-recent-history";
    case ExchangeType::delayed_message: return "x-delayed-message";
    case ExchangeType::message_deduplication: return "x-message-deduplication";
  }
  return {};
}

}  // namespace leveret::broker
