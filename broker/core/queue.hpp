/// A classic queue: messages in order, by priority if it has been declared with any; consumers in
/// turn.
///
/// A delivered message leaves the queue: the channel's ledger keeps it until it is settled or
/// comes back. The queue only counts it.
///
/// Owner:  the ShardState that it is homed on.   Thread: that shard.
/// Spec:   AMQP 0-9-1 queue and basic classes; RabbitMQ's classic queue where they differ.
#pragma once

#include <cstdint>

#include "broker/core/consumer_list.hpp"
#include "broker/core/death_history.hpp"
#include "broker/core/priority_levels.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/shard_message.hpp"
#include "broker/core/timer_queue.hpp"

namespace leveret::broker {

class ShardState;

class Queue final : private Timer {
 public:
  /// `shard` must outlive the queue. The definition may be set later, by define().
  Queue(ShardState& shard, QueueDefinitionRef definition);
  ~Queue() = default;

  const QueueDefinition& definition() const { return *definition_; }
  const QueueDefinitionRef& definition_ref() const { return definition_; }

  /// Messages that could be delivered now, and consumers. Delivers first what can be delivered.
  QueueCounts counts();
  std::uint64_t unacked_count() const { return unacked_count_; }

  /// Adds a message; it is delivered when the turn pumps the queue. Rejected: the queue is full,
  /// and was declared to refuse what comes then.
  Verdict enqueue(PublishToQueue&& publish);

  void settle(const Settle& settled);
  void reject(Reject&& rejected);
  void put_back(Requeue&& requeued);

  /// Error: 403 when an exclusive consumer stands in the way, or this one may not be exclusive.
  Result<ConsumerId, protocol::AmqpError> add_consumer(Consumer&& consumer);
  /// Removes a consumer. May be the end of an auto-delete queue.
  void remove_consumer(ConsumerId id);
  void update_consumer(const UpdateConsumer& update);

  /// The first message for basic.get, or nothing.
  std::optional<QueueEntry> get(bool no_ack);
  /// Drops all ready messages and says how many there were.
  std::uint64_t purge();
  /// Adds a message that the log has kept, at the start. Requires: the shard has a pager, and it
  /// is told when that was the last.
  void recover(const RecoveredEntry& entry);
  /// A declaration or basic.get happened: the queue is not unused.
  void touch();

  /// Delivers to whoever can take messages, drops what has expired and what is too much. False
  /// when it stopped early, for fairness: there is more to do next turn.
  bool pump();

  /// The queue has gone: tells all consumers, and the log that nobody wants the messages.
  void end();

 private:
  friend class ShardState;

  void on_timer(Instant now) override;
  QueueEntry take_front();
  void deliver(Consumer& consumer, QueueEntry entry);
  /// How many messages may be dropped yet before others have their turn.
  using DropBudget = std::size_t;
  bool drop_expired(bool also_due_now, DropBudget& budget);
  bool drop_excess(DropBudget& budget);
  bool has_excess() const;
  bool would_overflow(std::uint64_t body_bytes) const;
  bool may_drop(DropBudget& budget);
  /// A message that has left the queue and is not delivered: to its dead-letter exchange, or gone.
  void bury(QueueEntry entry, DeathReason reason);
  Verdict refuse(QueueEntry entry);
  void uncount(ConsumerId consumer);
  bool is_over(Instant deadline, bool also_due_now) const;
  bool first_is_over(bool also_due_now) const;
  bool make_front_ready(bool also_due_now, DropBudget& budget);
  void discard_ready();
  void arm_timer();
  void mark_dirty();
  bool in_use() const { return !consumers_.empty(); }

  ShardState& shard_;
  QueueDefinitionRef definition_;
  PriorityLevels ready_;
  ConsumerList consumers_;
  std::uint64_t unacked_count_ = 0;
  Position next_position_{1};
  Instant unused_since_{};
  bool is_dirty_ = false;
};

}  // namespace leveret::broker
