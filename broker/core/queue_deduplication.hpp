/// Keeps messages out of a queue while one with the same header `x-deduplication-header` is in it:
/// waiting, or delivered and not settled. A message that expires counts no longer than that.
///
/// Owner: one Queue.   Thread: the queue's home shard.
/// Spec:  plugin rabbitmq_message_deduplication, argument `x-message-deduplication` of queues.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "broker/core/ids.hpp"
#include "broker/core/message.hpp"
#include "protocol/base/clock.hpp"

namespace leveret::broker {

class QueueDeduplication {
 public:
  /// Lets a message in, which is to have this position. False: its like is there, which is counted.
  bool enter(const Message& message, Position position, Instant expires_at, Instant now);
  /// The message at a position has left the queue for good.
  void leave(Position position);
  /// All that waited has left it; as with the plugin, what is delivered is forgotten as well.
  void clear();

  std::uint64_t duplicate_count() const { return duplicate_count_; }

 private:
  struct Entry {
    std::string key;
    Instant expires_at = never;
  };
  std::map<Position, Entry> entries_;
  /// Where the latest message of each key is. The keys lie in entries_.
  boost::unordered_flat_map<std::string_view, Position> by_key_;
  std::uint64_t duplicate_count_ = 0;
};

}  // namespace leveret::broker
