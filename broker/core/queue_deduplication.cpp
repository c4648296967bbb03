#include "broker/core/queue_deduplication.hpp"

#include <utility>

#include "broker/core/deduplication_window.hpp"
#include "broker/core/routable_message.hpp"

namespace leveret::broker {

bool QueueDeduplication::enter(const Message& message, Position position, Instant expires_at,
                               Instant now) {
  const RoutableMessage read(message);
  const auto* value = read.headers().find("x-deduplication-header");
  if (value == nullptr) return true;
  std::string key = deduplication_key(*value);
  if (const auto like = by_key_.find(key); like != by_key_.end()) {
    if (entries_.at(like->second).expires_at > now) {
      ++duplicate_count_;
      return false;
    }
    by_key_.erase(like);
  }
  const auto place = entries_.emplace(position, Entry{std::move(key), expires_at}).first;
  by_key_.emplace(place->second.key, position);
  return true;
}

void QueueDeduplication::leave(Position position) {
  const auto place = entries_.find(position);
  if (place == entries_.end()) return;
  const auto latest = by_key_.find(place->second.key);
  if (latest != by_key_.end() && latest->second == position) by_key_.erase(latest);
  entries_.erase(place);
}

void QueueDeduplication::clear() {
  by_key_.clear();
  entries_.clear();
}

}  // namespace leveret::broker
