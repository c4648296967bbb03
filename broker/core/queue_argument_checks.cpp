#include "broker/core/queue_argument_checks.hpp"

#include "broker/core/argument_equivalence.hpp"
#include "broker/core/argument_value.hpp"
#include "broker/core/message_expiration.hpp"

namespace leveret::broker {

using protocol::FieldValue;

Complaint quoted(std::string_view text) { return byte_list_text(text); }

Complaint unacceptable_type(const FieldValue& value) {
  return "{unacceptable_type," + std::string(type_name(value.type())) + "}";
}

Complaint about_number(std::string_view what, std::int64_t number) {
  return "{" + std::string(what) + "," + std::to_string(number) + "}";
}

Result<std::int64_t, Complaint> integer(const FieldValue& value) {
  if (const auto number = integer_argument(value)) return *number;
  return tl::unexpected(quoted("expected integer, got " + std::string(type_name(value.type()))));
}

Result<std::uint64_t, Complaint> non_negative(const FieldValue& value) {
  const auto number = integer(value);
  if (!number) return tl::unexpected(number.error());
  if (*number < 0) return tl::unexpected(about_number("value_negative", *number));
  return static_cast<std::uint64_t>(*number);
}

Result<std::uint64_t, Complaint> duration_ms(const FieldValue& value) {
  auto duration = non_negative(value);
  if (duration && *duration > expiry_max_ms) {
    return tl::unexpected("{value_too_large," + std::to_string(*duration) + "}");
  }
  return duration;
}

}  // namespace leveret::broker
