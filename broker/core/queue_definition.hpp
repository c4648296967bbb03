/// What a queue was declared as, and what policies make of that. Made once, shared by the queue and
/// every shard's topology; a change of policies makes another one for the same queue.
///
/// Thread: immutable, any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/core/ids.hpp"
#include "broker/core/queue_arguments.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

struct AppliedPolicies;

struct QueueDefinition {
  std::string name;
  std::string vhost;
  /// An exclusive queue is never durable, whatever its declaration said: RabbitMQ forgets the flag.
  bool durable = false;
  /// What the log calls a durable queue. Never used again for another one; 0: not durable.
  std::uint64_t durable_number = 0;
  bool auto_delete = false;
  /// Whether a queue that begins to exist now, or again, is paused. Queue knows what it is later.
  bool paused = false;
  /// The one connection that may use the queue; none for shared queues.
  ConnectionId exclusive_owner{};
  protocol::FieldTable arguments;
  /// What holds: the arguments, as far as policies let them.
  QueueSettings settings;
  /// Null: no policy matches, the settings are those of the arguments.
  std::shared_ptr<const AppliedPolicies> policies;
  QueueRef ref;

  bool exclusive() const { return exclusive_owner != ConnectionId{}; }
};

using QueueDefinitionRef = std::shared_ptr<const QueueDefinition>;

}  // namespace leveret::broker
