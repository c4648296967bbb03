#include "broker/core/queue.hpp"

#include <utility>

#include "broker/core/shard_state.hpp"

namespace leveret::broker {

void Queue::redefine(QueueDefinitionRef definition) {
  definition_ = std::move(definition);
  mark_dirty();
}

void Queue::mark_dirty() {
  if (is_dirty_) return;
  is_dirty_ = true;
  shard_.pump_later(definition_->ref);
}

}  // namespace leveret::broker
