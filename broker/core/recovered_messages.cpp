#include "broker/core/recovered_messages.hpp"

#include <algorithm>
#include <chrono>

#include "broker/core/message.hpp"

namespace leveret::broker {

namespace {
// So many messages are read at once, in the order in which they lie in the log.
constexpr std::size_t unranked_max = 4096;
}  // namespace

bool RecoveredMessages::add(const storage::LiveReference& reference) {
  const auto found = queues_.find(reference.queue);
  if (found == queues_.end()) {
    if (!exchanges_.contains(reference.queue)) return false;
    kept_.push_back(reference);
    if (kept_.size() == unranked_max) add_kept();
    return true;
  }
  Queue& queue = *found->second;
  RecoveredEntry entry;
  entry.place = reference.place;
  entry.log_index = reference.index;
  entry.body_size_bytes = reference.body_size_bytes;
  entry.expires_at = deadline_of(reference, queue);
  entry.redelivered = reference.delivered || reference.return_count > 0;
  entry.was_out = reference.delivered;
  entry.delivery_count = std::min(reference.return_count, delivery_count_max);
  entry.published_at = WallTime{static_cast<std::int64_t>(reference.published_at_ms)};
  ++count_;
  const QueueSettings& settings = queue.definition().settings;
  if (settings.max_priority.value_or(0) == 0 && !settings.deduplicates) {
    queue.recover(entry);
    return true;
  }
  unranked_.push_back(entry);
  unranked_queues_.push_back(&queue);
  if (unranked_.size() == unranked_max) add_unranked();
  return true;
}

void RecoveredMessages::finish() {
  add_unranked();
  add_kept();
  for (const auto& [number, queue] : queues_) queue->end_recovery(reader_);
}

void RecoveredMessages::add_unranked() {
  std::vector<storage::LogPlace> places;
  std::vector<MessageRef> seen;  // Stay as long as queues look at them.
  for (const RecoveredEntry& entry : unranked_) places.push_back(entry.place);
  reader_.read(places, [&](std::size_t index, std::span<const std::byte> bytes) {
    // A damaged one is left out when it is next.
    auto message = Message::parse(bytes);
    if (message == nullptr) return;
    unranked_[index].priority = message->priority();
    if (!unranked_queues_[index]->definition().settings.deduplicates) return;
    unranked_[index].message = message.get();
    seen.push_back(std::move(message));
  });
  for (std::size_t i = 0; i < unranked_.size(); ++i) unranked_queues_[i]->recover(unranked_[i]);
  unranked_.clear();
  unranked_queues_.clear();
}

void RecoveredMessages::add_kept() {
  std::vector<storage::LogPlace> places;
  for (const storage::LiveReference& reference : kept_) places.push_back(reference.place);
  std::vector<MessageRef> messages(places.size());
  reader_.read(places, [&](std::size_t index, std::span<const std::byte> bytes) {
    auto message = Message::parse(bytes);
    if (message == nullptr) return;
    message->log_place() = places[index];
    messages[index] = std::move(message);
  });
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    exchanges_.at(kept_[i].queue)->recover(kept_[i], messages[i]);
    if (messages[i] != nullptr && !is_seen_record(*messages[i])) ++count_;
  }
  kept_.clear();
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
