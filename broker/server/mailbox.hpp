/// Mail between shards: each shard has one inbox; senders gather a turn's messages and hand them
/// over together, so the lock is taken once per turn and receiver.
///
/// Owner:  the Server.   Thread: post() and flush() on the sending shard, take() on the receiving
///         one; the inbox itself is locked.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "broker/core/shard_port.hpp"

namespace leveret::server {

/// What has been sent to one shard and not been taken.
class Inbox {
 public:
  /// `wake` is called, on the sender's thread, when the inbox stops being empty.
  explicit Inbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// Adds messages in order; leaves `messages` empty.
  void put(std::vector<broker::ShardMessage>& messages);
  /// Takes all, in order. `messages` must be empty.
  void take(std::vector<broker::ShardMessage>& messages);

  /// What lies here and on the way here, in bytes of memory, about.
  std::atomic<std::int64_t> load_bytes{0};
  /// Somebody was told that this inbox is congested and waits for InboxDrained.
  std::atomic<bool> somebody_waits{false};

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<broker::ShardMessage> messages_;
};

/// One shard's way to all others.
class Mailbox final : public broker::ShardPort {
 public:
  Mailbox(broker::ShardId own, std::vector<std::unique_ptr<Inbox>>& inboxes);

  void post(broker::ShardId to, broker::ShardMessage&& message) override;
  bool congested(broker::ShardId shard) override;

  /// Hands over what was posted; to shard 0 first, so that it hears of a queue's end before
  /// anybody who might ask it about that queue does.
  void flush();

  /// Moves all received messages to `messages`.
  void take(std::vector<broker::ShardMessage>& messages);
  /// What a message weighs in an inbox.
  static std::int64_t load_of(const broker::ShardMessage& message);
  /// Taken messages of this weight are done with. Tells those who wait when there is room.
  void unload(std::int64_t load_bytes);

 private:
  broker::ShardId own_;
  std::vector<std::unique_ptr<Inbox>>& inboxes_;
  std::vector<std::vector<broker::ShardMessage>> outgoing_;
};

}  // namespace leveret::server
