/// What the checks of queue.declare's arguments have in common: complaints as RabbitMQ words them,
/// and numbers.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   queue.declare (50,10); texts of RabbitMQ 3.10 to 3.13.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/core/queue_arguments.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// What is wrong with a value, as RabbitMQ says it after the colon; empty when nothing is.
using Complaint = std::string;

/// The arguments of a declaration, and what they say.
struct DeclaredArguments {
  const protocol::FieldTable& table;
  QueueSettings& settings;
};

Complaint quoted(std::string_view text);
Complaint unacceptable_type(const protocol::FieldValue& value);
/// `{what,number}`.
Complaint about_number(std::string_view what, std::int64_t number);

/// The integer in `value`, of any width.
Result<std::int64_t, Complaint> integer(const protocol::FieldValue& value);
/// The integer in `value`, checked to be at least 0.
Result<std::uint64_t, Complaint> non_negative(const protocol::FieldValue& value);
/// At most ten years.
Result<std::uint64_t, Complaint> duration_ms(const protocol::FieldValue& value);

template <class Setting>
Complaint store(Result<std::uint64_t, Complaint> checked, std::optional<Setting>& setting) {
  if (!checked) return std::move(checked.error());
  setting = static_cast<Setting>(*checked);
  return {};
}

}  // namespace leveret::broker
