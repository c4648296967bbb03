/// RabbitMQ's firehose: while a virtual host is traced, a copy of each message that is published or
/// delivered there goes to its exchange amq.rabbitmq.trace, with the facts in the headers.
///
/// Copies are not persistent and not traced themselves. To name a message's queues all queues of
/// the virtual host are looked at: a trace is for looking at something, not for good.
///
/// Thread: the shard's.
/// Spec:   rabbit_trace: keys `publish.<exchange>` and `deliver.<queue>`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "broker/core/queue_entry.hpp"
#include "broker/core/topology.hpp"

namespace leveret::broker {

class ShardState;

/// Who published, or gets the message.
struct TracedClient {
  std::string_view node;
  std::string connection;
  std::uint16_t channel = 0;
  std::string_view user;
};

/// Tells of a publish that was routed to `targets`.
void trace_publish(ShardState& shard, Vhost& vhost, const Message& message,
                   std::span<const RouteTarget> targets, const TracedClient& client);

/// Tells of a message that `queue` has given to a client.
void trace_delivery(ShardState& shard, Vhost& vhost, const QueueEntry& entry, QueueRef queue,
                    const TracedClient& client);

}  // namespace leveret::broker
