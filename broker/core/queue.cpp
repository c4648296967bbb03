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

void Queue::set_paused(bool paused) {
  paused_ = paused;
  if (!paused) mark_dirty();
}

AckTimeout Queue::ack_timeout() const {
  const QueueSettings& settings = definition_->settings;
  return {shorter_timeout_ms(settings.consumer_timeout_ms.value_or(0),
                             shard_.consumer_timeout_ms()),
          settings.consumer_timeout_action};
}

}  // namespace leveret::broker
