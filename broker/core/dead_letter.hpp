/// A message that has died in a queue and goes on to its dead-letter exchange.
///
/// Thread: a value of the queue's shard.
#pragma once

#include "broker/core/death_history.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/queue_entry.hpp"

namespace leveret::broker {

struct DeadLetter {
  QueueDefinitionRef queue;  ///< In which it died.
  QueueEntry entry;
  DeathReason reason{};
};

}  // namespace leveret::broker
