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
  bool redelivered = false;
  /// Set when it is delivered: a rejection is the queue's to carry out, for the message goes on.
  bool is_dead_lettered = false;
  /// Which of the references of the message's record is this queue's.
  std::uint32_t log_index = not_in_log;
};

}  // namespace leveret::broker
