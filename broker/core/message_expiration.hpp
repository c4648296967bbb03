/// The property `expiration` of a message: a time to live, as a decimal text.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   basic.publish (60,40), property expiration; bounds and texts as in RabbitMQ.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// Longest time that a message or an unused queue may live.
inline constexpr std::uint64_t expiry_max_ms = 315'360'000'000;  // Ten years.

/// The time to live in milliseconds; 0 means to expire unless delivered at once. Error: 406
/// precondition_failed, soft, when the text is not a whole number from 0 to ten years.
Result<std::uint64_t, protocol::AmqpError> parse_message_expiration(std::string_view expiration);

}  // namespace leveret::broker
