/// The messages of a queue that wait for a consumer, the highest priority first: a ready list for
/// each priority. A queue without priorities has the lowest one alone.
///
/// All that is said of the front is about the first message of the highest list that has any.
/// Peer: RabbitMQ's rabbit_priority_queue, which looks at the highest priority first for
/// everything: also expired messages, and those that are too many, go from there.
///
/// Owner: one Queue.   Thread: the queue's home shard.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "broker/core/ready_list.hpp"

namespace leveret::broker {

class PriorityLevels {
 public:
  /// `highest`: of the queue; 0 for one without priorities.
  explicit PriorityLevels(std::uint8_t highest);

  /// The priority that a message has in this queue.
  std::uint8_t priority_of(const Message& message) const {
    return higher_ == nullptr ? 0 : higher_->cap(message.priority());
  }

  bool empty() const { return front_list().empty(); }
  std::size_t size() const {
    std::size_t sum = lowest_.size();
    for_each_higher([&](const ReadyList& list) { sum += list.size(); });
    return sum;
  }
  std::uint64_t body_bytes() const {
    std::uint64_t sum = lowest_.body_bytes();
    for_each_higher([&](const ReadyList& list) { sum += list.body_bytes(); });
    return sum;
  }

  // ---- as in ReadyList, for messages of a priority that priority_of() gave ----
  void push_back(QueueEntry entry, std::uint8_t priority, MessagePager* pager) {
    list_of(priority).push_back(std::move(entry), pager);
  }
  void put_back(QueueEntry entry) {
    const std::uint8_t priority = priority_of(*entry.message);
    list_of(priority).put_back(std::move(entry));
  }
  void recover(const RecoveredEntry& entry, Position position, MessagePager& pager);
  void discard_all(storage::LogWriter& log, const QueueDefinition& of);

  // ---- as in ReadyList ----
  bool front_is_paged() const { return front_list().front_is_paged(); }
  Instant front_chunk_expires_at() const { return front_list().front_chunk_expires_at(); }
  Instant front_expires_at() const { return front_list().front_expires_at(); }
  Instant next_expires_at() const {
    Instant next = lowest_.next_expires_at();
    for_each_higher([&](const ReadyList& list) { next = std::min(next, list.next_expires_at()); });
    return next;
  }
  /// Of several priorities with the same deadline, the highest goes first.
  std::size_t take_due(Instant limit, bool are_wanted, const QueueDefinition& of,
                       std::vector<QueueEntry>& out);
  QueueEntry& front() { return front_list().front(); }
  QueueEntry pop_front() {
    QueueEntry entry = front_list().pop_front();
    find_front();
    return entry;
  }
  void load_front(const QueueDefinition& of) {
    front_list().load_front(of);
    find_front();
  }
  void discard_front_chunk(const QueueDefinition& of) {
    front_list().discard_front_chunk(of);
    find_front();
  }

 private:
  struct Higher {
    std::uint8_t highest = 0;
    /// Of the highest list that has messages; 0 when only the lowest one may have any.
    std::uint8_t front = 0;
    /// From priority 1 on, as far as they were ever used. A list that was is kept.
    std::vector<std::unique_ptr<ReadyList>> lists;

    std::uint8_t cap(std::uint8_t priority) const {
      return priority < highest ? priority : highest;
    }
  };

  /// Of the first message; 0 when there is none.
  std::uint8_t front_priority() const { return higher_ == nullptr ? 0 : higher_->front; }
  const ReadyList& front_list() const {
    return front_priority() == 0 ? lowest_ : *higher_->lists[higher_->front - 1u];
  }
  ReadyList& front_list() {
    return const_cast<ReadyList&>(std::as_const(*this).front_list());
  }
  /// A list that a message will be added to.
  ReadyList& list_of(std::uint8_t priority) {
    return priority == 0 ? lowest_ : higher_list_of(priority);
  }
  ReadyList& higher_list_of(std::uint8_t priority);
  /// To be called when the front may have become empty.
  void find_front() {
    if (front_priority() > 0 && front_list().empty()) find_lower_front();
  }
  void find_lower_front();
  template <class Visit>
  void for_each_higher(Visit&& visit) const {
    if (higher_ == nullptr) return;
    for (const auto& list : higher_->lists) {
      if (list != nullptr) visit(*list);
    }
  }

  ReadyList lowest_;
  std::unique_ptr<Higher> higher_;  ///< Null in a queue without priorities.
};

}  // namespace leveret::broker
