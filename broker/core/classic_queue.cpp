#include "broker/core/classic_queue.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/core/resource_name.hpp"
#include "broker/core/shard_state.hpp"

namespace leveret::broker {

namespace {
// One queue's share of a turn, so that a long backlog does not keep its shard from the others.
constexpr std::uint64_t pump_budget_bytes = 1024 * 1024;
constexpr std::uint64_t pump_cost_of_a_message_bytes = 128;
// How many messages it may drop at once because they are too many: more than can have come.
constexpr std::size_t excess_dropped_at_once_max = 4096;
// RabbitMQ accepts times to live of ten years at most; anything near `never` is not a deadline.
// One more stands in the log for a message that was rejected for good: PromisedLetters::add().
constexpr std::uint32_t returns_counted_max = delivery_count_max - 1;
// Where the positions of a quorum queue's new messages begin: returned ones have those before it.
constexpr Position first_position_of_quorum{std::uint64_t{1} << 63};

Position after(Position position) {
  return Position{static_cast<std::uint64_t>(position) + 1};
}

Instant deadline_in(Instant now, std::uint64_t duration_ms) {
  return now + std::chrono::milliseconds(
                   static_cast<std::int64_t>(std::min<std::uint64_t>(duration_ms, INT64_MAX)));
}
}  // namespace

ClassicQueue::ClassicQueue(ShardState& shard, QueueDefinitionRef definition)
    : Queue(shard, std::move(definition)),
      ready_(definition_->settings.max_priority.value_or(0)),
      consumers_(definition_->settings.single_active_consumer,
                 is_quorum() ? ConsumerList::Successor::first_come
                             : ConsumerList::Successor::highest_priority),
      unused_since_(shard.now()) {
  if (is_quorum()) next_position_ = first_position_of_quorum;
  if (definition_->settings.deduplicates) deduplication_ = std::make_unique<QueueDeduplication>();
  arm_timer();
}

QueueCounts ClassicQueue::counts() {
  pump();
  return {ready_.size(), consumers_.size()};
}

std::optional<Verdict> ClassicQueue::enqueue(PublishToQueue&& publish) {
  const auto& queue_ttl_ms = definition_->settings.message_ttl_ms;
  QueueEntry entry;
  entry.message = std::move(publish.message);
  entry.position = next_position_;
  entry.log_index = publish.log_index;
  if (publish.immediate && !can_deliver_at_once()) {
    shard_.settle_in_log(entry);
    return Verdict::undelivered;
  }
  if (definition_->settings.overflow != QueueOverflow::drop_head && !publish.immediate) {
    const std::uint64_t body_bytes = entry.message->body_size();
    // What consumers can take does not count, but it leaves the queue only when that is pumped.
    if (would_overflow(body_bytes) && !ready_.empty()) pump();
    if (would_overflow(body_bytes)) return refuse(std::move(entry));
  }
  const std::uint8_t priority = ready_.priority_of(*entry.message);
  // What consumers can take is not overtaken by what comes later.
  if (priority > 0 && consumers_.next() != nullptr) pump();
  if (publish.expiration_ms || queue_ttl_ms) {
    const std::uint64_t ttl_ms = std::min(publish.expiration_ms.value_or(UINT64_MAX),
                                          queue_ttl_ms.value_or(UINT64_MAX));
    entry.expires_at = deadline_in(shard_.now(), ttl_ms);
  }
  if (deduplication_ != nullptr &&
      !deduplication_->enter(*entry.message, entry.position, entry.expires_at, shard_.now())) {
    shard_.settle_in_log(entry);
    return Verdict::accepted;
  }
  next_position_ = after(next_position_);
  ready_.push_back(std::move(entry), priority, shard_.pager());
  mark_dirty();
  // At once: whoever can take it now may be gone at the end of the turn.
  if (publish.immediate) pump();
  return Verdict::accepted;
}

void ClassicQueue::recover(const RecoveredEntry& entry) {
  if (deduplication_ != nullptr && entry.message != nullptr) {
    deduplication_->enter(*entry.message, next_position_, entry.expires_at, shard_.now());
  }
  RecoveredEntry recovered = entry;
  if (entry.was_out && counts_returns() && entry.delivery_count < returns_counted_max) {
    // The end of the broker was the end of whoever had it.
    ++recovered.delivery_count;
    shard_.log().mark_returned(entry.place, entry.log_index, {recovered.delivery_count, false});
  }
  ready_.recover(recovered, next_position_, *shard_.pager());
  next_position_ = after(next_position_);
  mark_dirty();  // Once it has been added, the timer is set.
}

void ClassicQueue::redefine(QueueDefinitionRef definition) {
  // RabbitMQ makes room by the new limits before it looks whether it may (init_max_length and
  // init_overflow in rabbit_amqqueue_process.erl).
  if (definition_->settings.overflow == QueueOverflow::drop_head && !ready_.empty()) {
    sheds_excess_ = true;
  }
  definition_ = std::move(definition);
  // RabbitMQ begins the time of an unused queue anew with every change (init_exp). What has a
  // deadline keeps it, what has none gets none: a time to live counts from when a message comes.
  if (!in_use()) unused_since_ = shard_.now();
  arm_timer();
  mark_dirty();
}

/// Whether a message that came now would go to a consumer, and nothing is before it.
bool ClassicQueue::can_deliver_at_once() {
  pump();
  const Consumer* consumer = consumers_.next();
  return !paused() && ready_.empty() && consumer != nullptr &&
         !shard_.congested(consumer->channel.shard);
}

Verdict ClassicQueue::refuse(QueueEntry entry) {
  if (definition_->settings.overflow == QueueOverflow::reject_publish_dlx) {
    bury(std::move(entry), DeathReason::maxlen);
  } else {
    shard_.settle_in_log(entry);
  }
  return Verdict::rejected;
}

/// A delivered message is no longer out.
void ClassicQueue::uncount(ConsumerId id) {
  LEVERET_ASSERT(unacked_count_ > 0, "only a delivered message can be settled");
  --unacked_count_;
  if (Consumer* consumer = consumers_.find(id)) {
    --consumer->unacked_count;
    consumers_.refresh(*consumer);
    if (!ready_.empty()) mark_dirty();
    note_hunger();
  }
}

void ClassicQueue::settle(const Settle& settled) {
  uncount(settled.consumer);
  forget(settled.position);
}

void ClassicQueue::reject(Reject&& rejected) {
  uncount(rejected.consumer);
  bury(std::move(rejected.entry), DeathReason::rejected);
}

void ClassicQueue::put_back(Requeue&& requeued) {
  if (!requeued.was_no_ack) uncount(requeued.consumer);
  mark_dirty();
  if (requeued.reason == ReturnReason::not_seen || !counts_returns()) {
    return ready_.put_back(std::move(requeued.entry));
  }
  if (!count_return(requeued.entry)) return;
  if (is_quorum()) return put_back_in_quorum(std::move(requeued.entry), requeued.reason);
  ready_.put_back(std::move(requeued.entry));
}

/// A consumer had the message and did not do with it. False: that was once too often, and the
/// message has left the queue.
bool ClassicQueue::count_return(QueueEntry& entry) {
  if (entry.delivery_count < returns_counted_max) ++entry.delivery_count;
  if (has_returned_too_often(entry.delivery_count)) {
    bury(std::move(entry), DeathReason::delivery_limit);
    return false;
  }
  shard_.mark_returned_in_log(entry, false);
  return true;
}

/// RabbitMQ puts what comes back before all that was never out, in the order of its return. Only
/// what a client gives back although nothing limits how often goes to the end, so that others get
/// their turn.
void ClassicQueue::put_back_in_quorum(QueueEntry entry, ReturnReason reason) {
  if (reason == ReturnReason::given_back && !definition_->settings.delivery_limit) {
    entry.position = std::exchange(next_position_, after(next_position_));
    return ready_.push_back(std::move(entry), 0, shard_.pager());
  }
  entry.position = std::exchange(next_returned_position_, after(next_returned_position_));
  ready_.put_back(std::move(entry));
}

Result<ConsumerId, protocol::AmqpError> ClassicQueue::add_consumer(Consumer&& consumer) {
  const bool can_be_exclusive =
      consumers_.empty() && !definition_->settings.single_active_consumer;
  if (consumers_.has_exclusive() || (consumer.exclusive && !can_be_exclusive)) {
    return tl::unexpected(protocol::AmqpError::access_refused(
        queue_resource(definition_->name, definition_->vhost) + " in exclusive use"));
  }
  const ConsumerId id = consumers_.add(std::move(consumer)).id;
  arm_timer();
  mark_dirty();
  return id;
}

void ClassicQueue::remove_consumer(ConsumerId id) {
  if (!consumers_.remove(id)) return;
  note_hunger();
  if (!consumers_.empty()) {
    // A single active consumer has a successor, who can take messages at once.
    if (!ready_.empty()) mark_dirty();
    return;
  }
  unused_since_ = shard_.now();
  if (definition_->auto_delete) {
    shard_.delete_later(definition_->ref);
  } else {
    arm_timer();
  }
}

void ClassicQueue::update_consumer(const UpdateConsumer& update) {
  Consumer* consumer = consumers_.find(update.consumer);
  if (consumer == nullptr) return;
  consumer->credit_limit = update.credit_limit;
  consumer->blocked = update.blocked;
  consumers_.refresh(*consumer);
  if (!ready_.empty()) mark_dirty();
  note_hunger();
}

std::optional<QueueEntry> ClassicQueue::get(bool no_ack) {
  touch();
  pump();
  if (paused()) return std::nullopt;
  DropBudget budget = SIZE_MAX;  // Who asks for a message must not hear that there is none.
  if (!make_front_ready(true, budget)) return std::nullopt;
  QueueEntry entry = take_front();
  if (no_ack) {
    forget(entry.position);
  } else {
    ++unacked_count_;
  }
  arm_timer();
  return entry;
}

std::uint64_t ClassicQueue::purge() {
  pump();
  const std::uint64_t count = ready_.size();
  discard_ready();
  arm_timer();
  return count;
}

bool ClassicQueue::is_hungry() const {
  const Consumer* consumer = consumers_.next();
  return ready_.empty() && consumer != nullptr && consumer->priority >= 0;
}

void ClassicQueue::touch() {
  unused_since_ = shard_.now();
  arm_timer();
}

/// The first message, to be delivered.
QueueEntry ClassicQueue::take_front() {
  QueueEntry entry = ready_.pop_front();
  entry.is_dead_lettered = definition_->settings.dead_letter_exchange.has_value();
  entry.is_counted = counts_returns();
  return entry;
}

void ClassicQueue::deliver(Consumer& consumer, QueueEntry entry) {
  if (!consumer.no_ack) {
    ++consumer.unacked_count;
    ++unacked_count_;
  } else {
    forget(entry.position);
  }
  consumers_.requeue(consumer);
  shard_.send(consumer.channel.shard,
              Deliver{consumer.channel, consumer.key, consumer.id, definition_->ref,
                      consumer.no_ack, std::move(entry),
                      consumer.no_ack ? AckTimeout{} : ack_timeout()});
}

/// What expires by then is over.
Instant ClassicQueue::expiry_limit(bool also_due_now) const {
  return also_due_now ? shard_.now() : Instant{static_cast<std::int64_t>(shard_.now()) - 1};
}

/// Drops what has expired of the first messages, and brings the first of what is left into memory.
/// False: there is none, or what is before it has to be dropped first and may not be yet.
bool ClassicQueue::make_front_ready(bool also_due_now, DropBudget& budget) {
  const Instant limit = expiry_limit(also_due_now);
  while (!ready_.empty()) {
    if (ready_.front_is_paged()) {
      const bool is_over = !definition_->settings.dead_letter_exchange &&
                           ready_.front_chunk_expires_at() <= limit;
      if (!is_over) {
        ready_.load_front(*definition_);
      } else if (may_drop(budget)) {
        ready_.discard_front_chunk(*definition_);
      } else {
        return false;
      }
      continue;
    }
    const bool is_over = ready_.front_expires_at() <= limit;
    // It can be that only with the broker's last end a message has come back too often; or that it
    // had been rejected, and was still to be safe elsewhere.
    const std::uint32_t delivery_count = ready_.front().delivery_count;
    const bool was_rejected = delivery_count == delivery_count_max;
    if (!is_over && !was_rejected && !has_returned_too_often(delivery_count)) return true;
    if (!may_drop(budget)) return false;
    bury(ready_.pop_front(), was_rejected ? DeathReason::rejected
                             : is_over    ? DeathReason::expired
                                          : DeathReason::delivery_limit);
  }
  return false;
}

bool ClassicQueue::pump() {
  std::uint64_t spent_bytes = 0;
  const DropBudget share = shard_.drop_share();
  DropBudget budget = share;
  bool finished = true;
  while (!paused() && !ready_.empty()) {
    Consumer* consumer = consumers_.next();
    if (consumer == nullptr) break;
    if (spent_bytes >= pump_budget_bytes || shard_.congested(consumer->channel.shard)) {
      finished = false;
      break;
    }
    if (!make_front_ready(false, budget)) break;
    spent_bytes += ready_.front().message->body_size() + pump_cost_of_a_message_bytes;
    deliver(*consumer, take_front());
  }
  // What arrived with a time to live of 0 was offered once, and that is all it may be.
  if (!drop_expired(true, budget)) finished = false;
  // What consumers can still take does not count.
  shard_.note_dropped(share - budget);
  DropBudget excess_budget = excess_dropped_at_once_max;
  if (finished) finished = drop_excess(excess_budget);
  arm_timer();
  return finished;
}

// ---- what leaves the queue without being delivered -----------------------------------------

bool ClassicQueue::may_drop(DropBudget& budget) {
  if (budget == 0 || (budget != SIZE_MAX && shard_.dead_letters().are_many())) return false;
  --budget;
  return true;
}

void ClassicQueue::bury(QueueEntry entry, DeathReason reason) {
  forget(entry.position);
  if (definition_->settings.dead_letter_exchange) {
    shard_.dead_letters().add(definition_, std::move(entry), reason);
  } else {
    shard_.settle_in_log(entry);
  }
}

/// Drops what has expired wherever it is, the soonest first. False: there are more, for another
/// turn.
bool ClassicQueue::drop_expired(bool also_due_now, DropBudget& budget) {
  const Instant limit = expiry_limit(also_due_now);
  while (ready_.next_expires_at() <= limit) {
    if (!may_drop(budget)) return false;
    // Shared by all queues of the thread, so that dropping does not allocate.
    thread_local std::vector<QueueEntry> expired;
    const bool are_wanted =
        definition_->settings.dead_letter_exchange.has_value() || deduplication_ != nullptr;
    const std::size_t cost = ready_.take_due(limit, are_wanted, *definition_, expired);
    budget -= std::min(budget, cost - 1);
    for (QueueEntry& entry : expired) bury(std::move(entry), DeathReason::expired);
    expired.clear();
  }
  return true;
}

bool ClassicQueue::would_overflow(std::uint64_t body_bytes) const {
  const QueueSettings& settings = definition_->settings;
  PromisedLetters::Amount promised;
  if (settings.keeps_dead_letters()) {
    promised = shard_.dead_letters().promised().of(definition_->durable_number);
  }
  return (settings.max_length && ready_.size() + promised.count >= *settings.max_length) ||
         (settings.max_length_bytes && ready_.body_bytes() + promised.body_bytes + body_bytes >
                                           *settings.max_length_bytes);
}

bool ClassicQueue::has_excess() const {
  const QueueSettings& settings = definition_->settings;
  const bool may_drop = settings.overflow == QueueOverflow::drop_head || sheds_excess_;
  if (!may_drop || ready_.empty()) return false;
  return (settings.max_length && ready_.size() > *settings.max_length) ||
         (settings.max_length_bytes && ready_.body_bytes() > *settings.max_length_bytes);
}

/// Drops the first of what is more than the queue may hold. False: there is more, for another
/// turn.
bool ClassicQueue::drop_excess(DropBudget& budget) {
  while (has_excess()) {
    if (!may_drop(budget)) return false;
    if (ready_.front_is_paged()) {
      ready_.load_front(*definition_);
    } else {
      bury(ready_.pop_front(), DeathReason::maxlen);
    }
  }
  sheds_excess_ = false;
  return true;
}

void ClassicQueue::arm_timer() {
  Instant deadline = ready_.next_expires_at();
  if (definition_->settings.expires_ms && !in_use()) {
    deadline = std::min(deadline, deadline_in(unused_since_, *definition_->settings.expires_ms));
  }
  if (deadline == never && !armed()) return;
  shard_.timers().arm(*this, deadline);
}

void ClassicQueue::on_timer(Instant now) {
  const DropBudget share = shard_.drop_share();
  DropBudget budget = share;
  if (!drop_expired(true, budget)) mark_dirty();
  shard_.note_dropped(share - budget);
  if (definition_->settings.expires_ms && !in_use() &&
      deadline_in(unused_since_, *definition_->settings.expires_ms) <= now) {
    shard_.delete_later(definition_->ref);
    return;
  }
  arm_timer();
}

void ClassicQueue::discard_ready() {
  if (deduplication_ != nullptr) deduplication_->clear();
  ready_.discard_all(shard_.log(), *definition_);
}

void ClassicQueue::end() {
  discard_ready();
  consumers_.for_each([&](const Consumer& consumer) {
    shard_.send(consumer.channel.shard, ConsumerCancelled{consumer.channel, consumer.key});
  });
}

}  // namespace leveret::broker
