/// The way out of a shard, to the others. Messages of one sender to one receiver keep their order.
///
/// Owner: the shell (mailboxes), or a test (a vector).   Thread: the sending shard.
#pragma once

#include "broker/core/shard_message.hpp"

namespace leveret::broker {

class ShardPort {
 public:
  /// Queues a message for another shard. It leaves at the end of the turn. Never blocks.
  virtual void post(ShardId to, ShardMessage&& message) = 0;

  /// True when so much lies in the other shard's inbox that new work for it should wait. Whoever
  /// asked and was told so is woken by InboxDrained when there is room again.
  virtual bool congested(ShardId shard) = 0;

 protected:
  ~ShardPort() = default;
};

}  // namespace leveret::broker
