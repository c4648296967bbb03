/// Which arguments of queue.declare a type of queue has, and the values of those that only quorum
/// queues and streams have.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   queue.declare (50,10); names, order and texts of RabbitMQ 3.10 to 3.13.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "broker/core/queue_argument_checks.hpp"
#include "broker/core/queue_arguments.hpp"
#include "protocol/amqp_error.hpp"

namespace leveret::broker {

/// The type that x-queue-type names.
std::optional<QueueType> find_type(std::string_view name);
/// What RabbitMQ calls a type in its texts: rabbit_quorum_queue.
std::string_view type_module(QueueType type);

/// The arguments that queues of the type have, in the order in which RabbitMQ compares them.
std::span<const std::string_view> arguments_of(QueueType type);
bool has_argument(QueueType type, std::string_view argument);
/// Whether only queues of other types have the argument.
bool is_of_other_types_only(QueueType type, std::string_view argument);

// ---- the checks of single arguments ----
Complaint check_dead_letter_strategy(const protocol::FieldValue& value,
                                     DeclaredArguments& arguments);
/// An integer above -1 is a limit; below, there is none (RabbitMQ 4).
Complaint check_delivery_limit(const protocol::FieldValue& value, DeclaredArguments& arguments);
Complaint check_max_age(const protocol::FieldValue& value, DeclaredArguments& arguments);
Complaint check_stream_max_segment_size(const protocol::FieldValue& value,
                                        DeclaredArguments& arguments);
Complaint check_stream_filter_size(const protocol::FieldValue& value, DeclaredArguments& arguments);
/// Where members of a queue are, and how many: one node has them all.
Complaint check_count_of_members(const protocol::FieldValue& value, DeclaredArguments& arguments);
Complaint check_queue_leader_locator(const protocol::FieldValue& value,
                                     DeclaredArguments& arguments);
/// How much a queue keeps in memory; it is not the queue that decides that here.
Complaint check_amount_without_meaning(const protocol::FieldValue& value,
                                       DeclaredArguments& arguments);

/// Checks what RabbitMQ checks of a stream after all else. Error: 406 precondition_failed.
Result<void, protocol::AmqpError> check_stream_limits(const QueueSettings& settings);

/// "30m" as milliseconds: a positive number and one of Y, M, D, h, m, s. Nothing: it is not that.
std::optional<std::uint64_t> parse_max_age_ms(std::string_view text);

}  // namespace leveret::broker
