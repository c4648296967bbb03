#include "broker/core/discarded_chunks.hpp"

#include "broker/core/message_pager.hpp"

namespace leveret::broker {

namespace {
constexpr std::size_t settled_in_a_turn = 4096;
}  // namespace

void DiscardedChunks::settle_some(storage::LogWriter& log, MessagePager* pager) {
  std::size_t settled_count = 0;
  while (!chunks_.empty() && settled_count < settled_in_a_turn) {
    const Discarded& oldest = chunks_.front();
    settled_count += oldest.chunk.count;
    if (oldest.chunk.is_paged()) {
      pager->discard(oldest.chunk.paged, *oldest.of);
    } else {
      for (const QueueEntry& entry : oldest.chunk.kept) {
        log.settle(entry.message->log_place(), entry.log_index);
      }
    }
    chunks_.pop_front();
  }
}

}  // namespace leveret::broker
