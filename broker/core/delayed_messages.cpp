#include "broker/core/delayed_messages.hpp"

#include <utility>

namespace leveret::broker {

void DelayedMessages::add(Instant due, DelayedMessage delayed, MessagePager* pager) {
  const bool can_leave = delayed.message != nullptr && delayed.log_index != not_in_log;
  const auto [place, added] =
      waiting_.try_emplace(Key{due, ++last_number_}, std::move(delayed));
  if (!can_leave || pager == nullptr) return;
  resident_.push_back(place->second);
  pager_ = pager;
  if (!is_linked()) pager->watch(*this);
}

DelayedMessage DelayedMessages::pop_front() {
  const auto first = waiting_.begin();
  DelayedMessage delayed = std::move(first->second.delayed);
  waiting_.erase(first);
  return delayed;
}

std::uint64_t DelayedMessages::page_out(bool) {
  const PagingLimits& limits = pager_->limits();
  std::uint32_t count = 0;
  std::uint64_t bytes = 0;
  while (!resident_.empty() && count < limits.chunk_entries && bytes < limits.chunk_bytes) {
    DelayedMessage& delayed = resident_.front().delayed;
    // Those that came later are not written either.
    if (!pager_->can_read_back(*delayed.message)) break;
    bytes += delayed.message->memory_bytes();
    ++count;
    delayed.place = delayed.message->log_place();
    delayed.message.reset();
    resident_.pop_front();
  }
  return bytes;
}

}  // namespace leveret::broker
