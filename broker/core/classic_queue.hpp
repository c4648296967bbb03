/// A classic queue: messages in order, by priority if it has been declared with any; consumers in
/// turn. And a quorum queue of one node, which is the same with a few other rules: each return of a
/// message is counted, and what comes back has another place.
///
/// A delivered message leaves the queue, which only counts it.
///
/// Owner:  the ShardState that it is homed on.   Thread: that shard.
/// Spec:   AMQP 0-9-1 queue and basic classes; RabbitMQ's classic queue where they differ.
#pragma once

#include <cstdint>
#include <memory>

#include "broker/core/death_history.hpp"
#include "broker/core/priority_levels.hpp"
#include "broker/core/queue.hpp"
#include "broker/core/queue_deduplication.hpp"
#include "broker/core/timer_queue.hpp"

namespace leveret::broker {

class ClassicQueue final : public Queue, private Timer {
 public:
  /// `shard` must outlive the queue.
  ClassicQueue(ShardState& shard, QueueDefinitionRef definition);

  QueueCounts counts() override;
  std::uint64_t unacked_count() const override { return unacked_count_; }
  std::optional<Verdict> enqueue(PublishToQueue&& publish) override;
  void settle(const Settle& settled) override;
  void reject(Reject&& rejected) override;
  void put_back(Requeue&& requeued) override;
  Result<ConsumerId, protocol::AmqpError> add_consumer(Consumer&& consumer) override;
  void remove_consumer(ConsumerId id) override;
  void update_consumer(const UpdateConsumer& update) override;
  std::optional<QueueEntry> get(bool no_ack) override;
  std::uint64_t purge() override;
  void recover(const RecoveredEntry& entry) override;
  void redefine(QueueDefinitionRef definition) override;
  void touch() override;
  bool is_hungry() const override;
  bool pump() override;
  void end() override;

 private:
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
  bool can_deliver_at_once();
  void uncount(ConsumerId consumer);
  Instant expiry_limit(bool also_due_now) const;
  bool is_quorum() const { return definition_->settings.type == QueueType::quorum; }
  /// Whether the queue counts how often a message comes back.
  bool counts_returns() const {
    return is_quorum() || definition_->settings.delivery_limit.has_value();
  }
  bool has_returned_too_often(std::uint32_t delivery_count) const {
    const auto& limit = definition_->settings.delivery_limit;
    return limit && delivery_count > *limit;
  }
  bool count_return(QueueEntry& entry);
  void put_back_in_quorum(QueueEntry entry, ReturnReason reason);
  /// The message at that position will not come back.
  void forget(Position position) {
    if (deduplication_ != nullptr) deduplication_->leave(position);
  }
  bool make_front_ready(bool also_due_now, DropBudget& budget);
  void discard_ready();
  void arm_timer();
  bool in_use() const { return !consumers_.empty(); }

  PriorityLevels ready_;
  ConsumerList consumers_;
  std::uint64_t unacked_count_ = 0;
  /// What was more than a new limit when that came has to go, though later messages are refused.
  bool sheds_excess_ = false;
  Position next_position_{1};
  Position next_returned_position_{1};  ///< Of a quorum queue, below all others.
  Instant unused_since_{};
  std::unique_ptr<QueueDeduplication> deduplication_;  ///< Null: any number of a kind may come.
};

}  // namespace leveret::broker
