#include "broker/core/priority_levels.hpp"

#include <algorithm>

namespace leveret::broker {

PriorityLevels::PriorityLevels(std::uint8_t highest) {
  if (highest == 0) return;
  higher_ = std::make_unique<Higher>();
  higher_->highest = highest;
}

ReadyList& PriorityLevels::higher_list_of(std::uint8_t priority) {
  if (higher_->lists.size() < priority) higher_->lists.resize(priority);
  auto& list = higher_->lists[priority - 1u];
  if (list == nullptr) list = std::make_unique<ReadyList>();
  higher_->front = std::max(higher_->front, priority);
  return *list;
}

void PriorityLevels::find_lower_front() {
  std::uint8_t& front = higher_->front;
  const auto is_empty = [&] {
    const auto& list = higher_->lists[front - 1u];
    return list == nullptr || list->empty();
  };
  while (front > 0 && is_empty()) --front;
}

void PriorityLevels::recover(const RecoveredEntry& entry, Position position,
                             MessagePager& pager) {
  const std::uint8_t priority = higher_ == nullptr ? 0 : higher_->cap(entry.priority);
  list_of(priority).recover(entry, position, pager);
}

std::size_t PriorityLevels::take_due(Instant limit, bool are_wanted, const QueueDefinition& of,
                                     std::vector<QueueEntry>& out) {
  ReadyList* soonest = &lowest_;
  for_each_higher([&](ReadyList& list) {
    if (list.next_expires_at() <= soonest->next_expires_at()) soonest = &list;
  });
  const std::size_t count = soonest->take_due(limit, are_wanted, of, out);
  find_front();
  return count;
}

void PriorityLevels::discard_all(storage::LogWriter& log, const QueueDefinition& of) {
  lowest_.discard_all(log, of);
  if (higher_ == nullptr) return;
  for (const auto& list : higher_->lists) {
    if (list != nullptr) list->discard_all(log, of);
  }
  higher_->front = 0;
}

}  // namespace leveret::broker
