#include "broker/core/consumer_list.hpp"

#include <algorithm>

namespace leveret::broker {

namespace {
auto find_by_id(auto& consumers, ConsumerId id) {
  const auto place = std::lower_bound(
      consumers.begin(), consumers.end(), id,
      [](const auto& consumer, ConsumerId wanted) { return consumer->id < wanted; });
  return place != consumers.end() && (*place)->id == id ? place : consumers.end();
}
}  // namespace

Consumer& ConsumerList::add(Consumer&& consumer) {
  auto owned = std::make_unique<Consumer>(std::move(consumer));
  owned->id = ConsumerId{++last_id_};
  Consumer& added = *owned;
  consumers_.push_back(std::move(owned));
  if (single_active_ && consumers_.size() == 1) active_ = added.id;
  requeue(added);
  return added;
}

bool ConsumerList::remove(ConsumerId id) {
  const auto place = find_by_id(consumers_, id);
  if (place == consumers_.end()) return false;
  consumers_.erase(place);
  if (id == active_) activate_next();
  return true;
}

void ConsumerList::activate_next() {
  // Of equal ones this is the first.
  const auto next = std::ranges::max_element(consumers_, {}, [this](const auto& consumer) {
    return successor_ == Successor::first_come ? 0 : consumer->priority;
  });
  active_ = next == consumers_.end() ? ConsumerId{} : (*next)->id;
  if (next != consumers_.end()) requeue(**next);
}

Consumer* ConsumerList::find(ConsumerId id) {
  const auto place = find_by_id(consumers_, id);
  return place == consumers_.end() ? nullptr : place->get();
}

void ConsumerList::requeue(Consumer& consumer) {
  if (consumer.is_linked()) consumer.unlink();
  if (!consumer.can_take() || (single_active_ && consumer.id != active_)) return;
  // From the back: with equal priorities, the common case, this is one comparison.
  auto place = ready_.end();
  while (place != ready_.begin()) {
    const auto before = std::prev(place);
    if (before->priority >= consumer.priority) break;
    place = before;
  }
  ready_.insert(place, consumer);
}

}  // namespace leveret::broker
