/// One message's place in one queue: it wanders from the queue's ready list into the ledger of
/// the channel it was delivered on, and back when it is requeued.
#pragma once

#include "broker/core/ids.hpp"
#include "broker/core/message.hpp"
#include "protocol/base/clock.hpp"

namespace leveret::broker {

struct QueueEntry {
  MessageRef message;
  Position position{};
  Instant expires_at = never;
  bool redelivered = false;
};

}  // namespace leveret::broker
