/// Messages of one shard's queues that have died and go on to a dead-letter exchange.
///
/// They wait until the queues have been pumped, and go a bounded number a turn: a mass expiry
/// does not keep the shard from its other queues. What is published and what it was published
/// for are done with in one submission to the log: after a crash the message is in its queue
/// still, or where it went, never in both.
///
/// Owner:  one ShardState.   Thread: that shard.
/// Those that a quorum queue has promised not to lose are PromisedLetters' affair from then on.
///
/// Spec:   RabbitMQ's dead lettering, at most once.
#pragma once

#include <cstddef>
#include <vector>

#include "broker/core/chunked_fifo.hpp"
#include "broker/core/dead_letter.hpp"
#include "broker/core/promised_letters.hpp"
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

  /// The message as it goes on, and to which queues. Without any the message may be null.
  struct Routed {
    MessageRef message;
    bool persistent = false;
  };
  Routed route(const DeadLetter& letter, std::vector<RouteTarget>& targets);

  const PromisedLetters& promised() const { return promised_; }

 private:
  static constexpr std::size_t waiting_max = 4096;

  bool publish(const DeadLetter& letter);
  void drop_cycles(Vhost& vhost, const protocol::FieldTable& headers,
                   std::vector<RouteTarget>& targets);

  ShardState& shard_;
  PromisedLetters promised_{shard_, *this};
  ChunkedFifo<DeadLetter> waiting_;
  // Working memory, kept so that publishing does not allocate.
  std::vector<RouteTarget> targets_;
};

}  // namespace leveret::broker
