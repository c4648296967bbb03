// Queues that are watched: who is told that a consumer waits and there is nothing for it.

#include "broker/core/shard_state.hpp"

namespace leveret::broker {

void ShardState::watch_queue(QueueRef ref, bool is_watched) {
  Queue* queue = find_queue(ref);
  if (queue == nullptr) return;
  queue->is_watched_ = is_watched;
  queue->was_hungry_ = false;
  queue->note_hunger();
}

void ShardState::tell_hunger(Queue& queue) {
  const bool is_hungry = queue.is_hungry();
  if (is_hungry == queue.was_hungry_ || queue_observer_ == nullptr) return;
  queue.was_hungry_ = is_hungry;
  queue_observer_->on_hunger(queue.definition().ref, is_hungry);
}

}  // namespace leveret::broker
