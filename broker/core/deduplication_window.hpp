/// The header values that a message may not have again: so many, for so long. Where it is full the
/// oldest makes room.
///
/// Each value lies in a small record, a message that nobody gets, so that the log can keep it.
///
/// Owner: one StatefulExchange.   Thread: its home shard.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/message.hpp"
#include "broker/core/queue_entry.hpp"
#include "protocol/base/clock.hpp"
#include "protocol/field_value.hpp"

namespace leveret::broker {

/// What a window remembers of one message.
struct SeenValue {
  MessageRef record;  ///< As make_seen_record() makes it.
  Instant expires_at = never;
  std::uint32_t log_index = not_in_log;
};

/// A header's value as text. Values of types that hold the same are the same, as in RabbitMQ.
std::string deduplication_key(const protocol::FieldValue& value);

/// Puts down a key, and when the window forgets it by the calendar; none: not by itself.
MessageRef make_seen_record(std::string_view key, std::optional<WallTime> expires_at);
/// Whether a message that an exchange finds in the log is such a record: no published one looks so.
bool is_seen_record(const Message& message);
std::string_view key_of_seen_record(const Message& record);
std::optional<WallTime> expiry_of_seen_record(const Message& record);

class DeduplicationWindow {
 public:
  explicit DeduplicationWindow(std::uint64_t size_max) : size_max_(size_max) {}

  bool contains(std::string_view key, Instant now) const {
    const auto found = by_key_.find(key);
    return found != by_key_.end() && found->second->expires_at > now;
  }
  std::size_t size() const { return values_.size(); }

  /// Adds a value that the window does not contain. Calls forget(value) for those that go: a
  /// bounded number of those whose time is over, and the oldest while there are too many.
  template <class Forget>
  void add(SeenValue value, Instant now, Forget&& forget) {
    const std::string_view key = key_of_seen_record(*value.record);
    if (const auto same = by_key_.find(key); same != by_key_.end()) take_out(same->second, forget);
    for (int i = 0; i < expired_per_addition && !by_expiry_.empty(); ++i) {
      if (by_expiry_.begin()->first > now) break;
      take_out(by_expiry_.begin()->second, forget);
    }
    while (values_.size() >= size_max_) take_out(values_.begin(), forget);
    values_.push_back(std::move(value));
    const auto place = std::prev(values_.end());
    by_key_.emplace(key, place);
    if (place->expires_at != never) by_expiry_.emplace(place->expires_at, place);
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const SeenValue& value : values_) visit(value);
  }

 private:
  static constexpr int expired_per_addition = 16;
  using Place = std::list<SeenValue>::iterator;

  template <class Forget>
  void take_out(Place place, Forget&& forget) {
    by_key_.erase(key_of_seen_record(*place->record));
    if (place->expires_at != never) {
      auto [at, end] = by_expiry_.equal_range(place->expires_at);
      while (at != end && at->second != place) ++at;
      by_expiry_.erase(at);
    }
    forget(std::as_const(*place));
    values_.erase(place);
  }

  std::uint64_t size_max_;
  std::list<SeenValue> values_;  ///< The oldest first.
  boost::unordered_flat_map<std::string_view, Place> by_key_;  ///< Keys lie in the records.
  std::multimap<Instant, Place> by_expiry_;
};

}  // namespace leveret::broker
