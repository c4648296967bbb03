/// What the declarations of queues and of exchanges have in common: arguments that are texts, and
/// the comparison of a second declaration with the first.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   texts and rules of RabbitMQ.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// The value of an argument that must be an integer of any width; nullopt for other types. A
/// timestamp is not an integer here.
std::optional<std::int64_t> integer_argument(const protocol::FieldValue& value);

/// The text of an argument, such as an exchange's name; nullopt when it is absent. `resource` is
/// what is declared. Error: 406 precondition_failed, soft, when it is not a long string.
Result<std::optional<std::string>, protocol::AmqpError> text_argument(
    std::string_view argument, std::string_view resource, const protocol::FieldTable& arguments);

/// 406 precondition_failed: `inequivalent arg 'type' for exchange 'e' in vhost 'v': received
/// 'topic' but current is 'direct'`. The two values are given as they are to be shown.
protocol::AmqpError inequivalent(std::string_view argument, std::string_view resource,
                                 std::string_view received, std::string_view current);

/// Compares a flag of two declarations. Error: as inequivalent().
Result<void, protocol::AmqpError> check_equivalent_flag(std::string_view flag,
                                                        std::string_view resource, bool existing,
                                                        bool received);

/// Compares these arguments of two declarations, in this order; all others make no difference.
/// Values are compared without their types, and no `x-queue-type` is the same as `classic`.
/// Error: as inequivalent().
Result<void, protocol::AmqpError> check_equivalent_arguments(
    std::span<const std::string_view> names, std::string_view resource,
    const protocol::FieldTable& existing, const protocol::FieldTable& received);

}  // namespace leveret::broker
