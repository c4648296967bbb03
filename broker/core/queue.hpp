/// A queue as its shard sees it: something that takes messages and gives them to consumers. What
/// it does in between is the affair of its type.
///
/// A delivered message is out of the queue's hands: the channel's ledger keeps it until it is
/// settled or comes back.
///
/// Owner:  the ShardState that it is homed on.   Thread: that shard.
/// Spec:   AMQP 0-9-1 queue and basic classes.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "broker/core/consumer_list.hpp"
#include "broker/core/paged_chunk.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/shard_message.hpp"

namespace leveret::broker {

class ShardState;

class Queue {
 public:
  virtual ~Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  const QueueDefinition& definition() const { return *definition_; }
  const QueueDefinitionRef& definition_ref() const { return definition_; }

  /// A paused queue takes messages and delivers none, nor gives any to basic.get; they expire as
  /// ever. Peer: LavinMQ.
  bool paused() const { return paused_; }
  void set_paused(bool paused);
  /// Until when a message that is delivered now has to be acknowledged.
  AckTimeout ack_timeout() const;

  /// Messages that could be delivered now, and consumers. Delivers first what can be delivered.
  virtual QueueCounts counts() = 0;
  virtual std::uint64_t unacked_count() const = 0;

  /// Adds a message; it is delivered when the turn pumps the queue. Rejected: the queue is full,
  /// and was declared to refuse what comes then. None: the queue sends its verdict itself, later.
  virtual std::optional<Verdict> enqueue(PublishToQueue&& publish) = 0;

  virtual void settle(const Settle& settled) = 0;
  virtual void reject(Reject&& rejected) = 0;
  virtual void put_back(Requeue&& requeued) = 0;

  /// Error: 403 when an exclusive consumer stands in the way, or this one may not be exclusive.
  virtual Result<ConsumerId, protocol::AmqpError> add_consumer(Consumer&& consumer) = 0;
  /// Removes a consumer. May be the end of an auto-delete queue.
  virtual void remove_consumer(ConsumerId id) = 0;
  virtual void update_consumer(const UpdateConsumer& update) = 0;

  /// The first message for basic.get, or nothing.
  virtual std::optional<QueueEntry> get(bool no_ack) = 0;
  /// Drops all ready messages and says how many there were.
  virtual std::uint64_t purge() = 0;
  /// Adds a message that the log has kept, at the start. Requires: the shard has a pager, and it
  /// is told when that was the last.
  virtual void recover(const RecoveredEntry& entry) = 0;
  /// That was the last one. `reader` has what it needs to know of the messages themselves.
  virtual void end_recovery(storage::LogReader&) {}
  /// Policies have changed: `definition` is of the same queue, with other settings. They hold at
  /// once for what the queue has, as far as RabbitMQ lets them, and for what comes.
  virtual void redefine(QueueDefinitionRef definition);
  /// A declaration or basic.get happened: the queue is not unused.
  virtual void touch() = 0;

  /// Delivers to whoever can take messages, drops what has expired and what is too much. False
  /// when it stopped early, for fairness: there is more to do next turn.
  virtual bool pump() = 0;

  /// It has no messages, and a consumer of priority 0 or more that could take one. A queue that is
  /// watched pumps when this may have changed. Types that are not federated are never hungry.
  virtual bool is_hungry() const { return false; }

  /// The queue has gone: tells all consumers, and the log that nobody wants the messages.
  virtual void end() = 0;

 protected:
  Queue(ShardState& shard, QueueDefinitionRef definition)
      : shard_(shard), definition_(std::move(definition)), paused_(definition_->paused) {}

  /// The turn will pump the queue before it ends.
  void mark_dirty();
  /// To be called when a change leads to no pump, but may be the end of hunger, or its begin.
  void note_hunger() {
    if (is_watched_) mark_dirty();
  }

  ShardState& shard_;
  QueueDefinitionRef definition_;

 private:
  friend class ShardState;
  bool is_dirty_ = false;
  bool paused_ = false;
  bool is_watched_ = false;
  bool was_hungry_ = false;  ///< What the shard's observer was told last.
};

}  // namespace leveret::broker
