#include "broker/core/message_expiration.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "broker/core/argument_value.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;

AmqpError invalid_expiration(std::string_view expiration, std::string_view reason) {
  std::string text("invalid expiration '");
  text.append(expiration).append("': ").append(reason);
  return AmqpError::precondition_failed(std::move(text));
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

}  // namespace

Result<std::uint64_t, AmqpError> parse_message_expiration(std::string_view expiration) {
  std::string_view rest = expiration;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const auto end_of_digits = std::ranges::find_if_not(rest, is_digit);
  std::string_view digits = rest.substr(0, static_cast<std::size_t>(end_of_digits - rest.begin()));
  if (digits.empty()) return tl::unexpected(invalid_expiration(expiration, "no_integer"));
  rest.remove_prefix(digits.size());
  if (!rest.empty()) {
    return tl::unexpected(
        invalid_expiration(expiration, "{leftover_string," + byte_list_text(rest) + "}"));
  }
  // The digits themselves go into the texts below, since the number may be larger than any type.
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (negative && digits != "0") {
    return tl::unexpected(
        invalid_expiration(expiration, "{value_negative,-" + std::string(digits) + "}"));
  }
  std::uint64_t value_ms = 0;
  const auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value_ms);
  if (problem != std::errc{} || value_ms > expiry_max_ms) {
    return tl::unexpected(
        invalid_expiration(expiration, "{value_too_large," + std::string(digits) + "}"));
  }
  return value_ms;
}

}  // namespace leveret::broker
