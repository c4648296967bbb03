/// Brings the messages of the log back into their queues, when the broker starts.
///
/// Only messages that somebody has to look at are read: those of queues with priorities, which the
/// log's tables of contents do not have; of queues that deduplicate; and of exchanges.
///
/// Owner: the server's start.   Thread: the start's, before the shards run.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "broker/core/queue.hpp"
#include "broker/core/stateful_exchange.hpp"
#include "protocol/base/clock.hpp"
#include "storage/recovery.hpp"

namespace leveret::broker {

class RecoveredMessages {
 public:
  using Queues = boost::unordered_flat_map<std::uint64_t, Queue*>;
  using Exchanges = boost::unordered_flat_map<std::uint64_t, StatefulExchange*>;

  /// `queues` and `exchanges` by their durable numbers, which must stay; what the time is on both
  /// clocks.
  RecoveredMessages(const Queues& queues, const Exchanges& exchanges, storage::LogReader& reader,
                    Instant now, WallTime wall_time)
      : queues_(queues), exchanges_(exchanges), reader_(reader), now_(now),
        wall_time_(wall_time) {}

  /// Adds a message to the end of its queue, or to what its exchange keeps. False: that is no
  /// longer there. A deadline is kept as a point on the calendar; one that has passed meanwhile
  /// expires the message at once.
  bool add(const storage::LiveReference& reference);
  /// To be called after the last one.
  void finish();

  std::uint64_t count() const { return count_; }

 private:
  Instant deadline_of(const storage::LiveReference& reference, const Queue& queue) const;
  void add_unranked();
  void add_kept();

  const Queues& queues_;
  const Exchanges& exchanges_;
  storage::LogReader& reader_;
  const Instant now_;
  const WallTime wall_time_;
  std::uint64_t count_ = 0;
  /// Entries of queues with priorities, whose messages have to be read before they can be added.
  std::vector<RecoveredEntry> unranked_;
  std::vector<Queue*> unranked_queues_;
  /// References of exchanges, whose messages have to be read before they can be added.
  std::vector<storage::LiveReference> kept_;
};

}  // namespace leveret::broker
