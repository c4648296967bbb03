/// The header x-delivery-count: how often a message has come back to its queue.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   RabbitMQ's quorum queues.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace leveret::broker {

/// The encoded properties of a message with that header, in place of one that it may have. Headers
/// are in the order of their names then, as RabbitMQ sends them.
std::vector<std::byte> with_delivery_count(std::span<const std::byte> properties,
                                           std::uint32_t delivery_count);

}  // namespace leveret::broker
