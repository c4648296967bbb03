/// One message's place in one queue: it wanders from the queue's ready list into the ledger of
/// the channel it was delivered on, and back when it is requeued.
#pragma once

#include <cstdint>

#include "broker/core/ids.hpp"
#include "broker/core/message.hpp"
#include "protocol/base/clock.hpp"

namespace leveret::broker {

/// The message is not in the log on behalf of this queue.
constexpr std::uint32_t not_in_log = UINT32_MAX;

struct QueueEntry {
  MessageRef message;
  Position position{};
  Instant expires_at = never;
  bool redelivered : 1 = false;
  /// Set when it is delivered: a rejection is the queue's to carry out, for the message goes on.
  bool is_dead_lettered : 1 = false;
  /// Set when it is delivered: the queue counts how often it comes back, and shows that.
  bool is_counted : 1 = false;
  /// How often it has come back, as far as the queue counts that.
  std::uint32_t delivery_count : 29 = 0;
  /// Which of the references of the message's record is this queue's.
  std::uint32_t log_index = not_in_log;
};
static_assert(sizeof(QueueEntry) == 32, "there may be ten million of them");

constexpr std::uint32_t delivery_count_max = (1u << 29) - 1;

}  // namespace leveret::broker
