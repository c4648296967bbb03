/// Chunks of streams that nobody can read any more: their messages are settled in the log a
/// bounded number a turn, however large the stream was.
///
/// A process that ends before has not settled the rest: what belongs to a deleted stream is
/// forgotten at the next start, what retention took away comes back and is taken away again.
///
/// Owner:  one ShardState.   Thread: that shard.
#pragma once

#include <cstddef>
#include <deque>

#include "broker/core/queue_definition.hpp"
#include "broker/core/stream_chunk.hpp"
#include "storage/log.hpp"

namespace leveret::broker {

class MessagePager;

class DiscardedChunks {
 public:
  void add(QueueDefinitionRef of, StreamChunk chunk) {
    chunks_.push_back({std::move(of), std::move(chunk)});
  }
  bool empty() const { return chunks_.empty(); }
  /// Settles a turn's share. `pager`: null where all chunks are kept in memory.
  void settle_some(storage::LogWriter& log, MessagePager* pager);

 private:
  struct Discarded {
    QueueDefinitionRef of;
    StreamChunk chunk;
  };
  std::deque<Discarded> chunks_;
};

}  // namespace leveret::broker
