#include "broker/core/recovered_messages.hpp"

#include <algorithm>
#include <chrono>

namespace leveret::broker {

bool RecoveredMessages::add(const storage::LiveReference& reference) {
  const auto found = queues_.find(reference.queue);
  if (found == queues_.end()) return false;
  Queue& queue = *found->second;
  RecoveredEntry entry;
  entry.place = reference.place;
  entry.log_index = reference.index;
  entry.body_size_bytes = reference.body_size_bytes;
  entry.expires_at = deadline_of(reference, queue);
  entry.redelivered = reference.delivered;
  queue.recover(entry);
  ++count_;
  return true;
}

Instant RecoveredMessages::deadline_of(const storage::LiveReference& reference,
                                       const Queue& queue) const {
  const std::uint64_t time_to_live_ms =
      std::min(reference.expiration_ms,
               queue.definition().settings.message_ttl_ms.value_or(storage::no_expiration));
  if (time_to_live_ms > static_cast<std::uint64_t>(INT64_MAX)) return never;
  const auto time_to_live_left_ms = [&] {
    const std::int64_t age_ms = static_cast<std::int64_t>(wall_time_) -
                                static_cast<std::int64_t>(reference.published_at_ms);
    // A calendar that was set back makes nothing live longer than it was to.
    return static_cast<std::int64_t>(time_to_live_ms) - std::max<std::int64_t>(age_ms, 0);
  };
  return now_ + std::chrono::milliseconds(std::max<std::int64_t>(time_to_live_left_ms(), 0));
}

}  // namespace leveret::broker
