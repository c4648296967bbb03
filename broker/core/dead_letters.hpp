/// Messages of one shard's queues that have died and go on to a dead-letter exchange.
///
/// They wait until the queues have been pumped, and go a bounded number a turn: a mass expiry
/// does not keep the shard from its other queues. What is published and what it was published
/// for are done with in one submission to the log: after a crash the message is in its queue
/// still, or where it went, never in both.
///
/// Owner:  one ShardState.   Thread: that shard.
/// Spec:   RabbitMQ's dead lettering (at most once).
#pragma once

#include <cstddef>
#include <vector>

#include "broker/core/chunked_fifo.hpp"
#include "broker/core/death_history.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/queue_entry.hpp"
#include "broker/core/topology.hpp"

namespace leveret::broker {

class ShardState;

class DeadLetters {
 public:
  explicit DeadLetters(ShardState& shard) : shard_(shard) {}

  /// Takes a message that has left `queue`. Requires: the queue has a dead-letter exchange.
  void add(QueueDefinitionRef queue, QueueEntry entry, DeathReason reason) {
    waiting_.push_back({std::move(queue), std::move(entry), reason});
  }
  bool empty() const { return waiting_.empty(); }
  /// No queue should drop more of its messages on its own account in this turn.
  bool are_many() const { return waiting_.size() >= waiting_max; }
  /// Publishes those that wait, up to a turn's share of them, or until another shard is behind.
  void publish();

 private:
  struct Letter {
    QueueDefinitionRef queue;
    QueueEntry entry;
    DeathReason reason{};
  };
  static constexpr std::size_t waiting_max = 4096;

  bool publish(const Letter& letter);
  void drop_cycles(Vhost& vhost, const protocol::FieldTable& headers);

  ShardState& shard_;
  ChunkedFifo<Letter> waiting_;
  // Working memory, kept so that publishing does not allocate.
  std::vector<RouteTarget> targets_;
};

}  // namespace leveret::broker
