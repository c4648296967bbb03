#include "broker/core/queue.hpp"

#include "broker/core/shard_state.hpp"

namespace leveret::broker {

void Queue::mark_dirty() {
  if (is_dirty_) return;
  is_dirty_ = true;
  shard_.pump_later(definition_->ref);
}

}  // namespace leveret::broker
