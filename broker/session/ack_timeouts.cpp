#include "broker/session/ack_timeouts.hpp"

#include <algorithm>

namespace leveret::broker {

namespace {
Instant deadline_of(const AckTimeout& timeout, Instant now) {
  return now + std::chrono::milliseconds(static_cast<std::int64_t>(
                   std::min<std::uint64_t>(timeout.duration_ms, INT64_MAX)));
}
}  // namespace

void AckTimeouts::push(Watched watched) {
  watched_.push_back(watched);
  std::push_heap(watched_.begin(), watched_.end());
}

void AckTimeouts::add(std::uint64_t delivery_tag, const AckTimeout& timeout, Instant now,
                      std::size_t open_count) {
  constexpr std::size_t kept_count = 64;
  if (watched_.size() >= kept_count + 2 * open_count) squeeze();
  push({deadline_of(timeout, now), delivery_tag, timeout});
  // A timer that is set for what has been settled fires for nothing, once.
  if (!armed() || watched_.front().deadline < deadline()) {
    timers_.arm(*this, watched_.front().deadline);
  }
}

void AckTimeouts::squeeze() {
  std::erase_if(watched_, [this](const Watched& one) {
    return owner_.state_of(one.delivery_tag) == Owner::State::settled;
  });
  std::make_heap(watched_.begin(), watched_.end());
}

std::optional<AckTimeouts::Lapsed> AckTimeouts::take_lapsed(Instant now) {
  while (!watched_.empty() && watched_.front().deadline <= now) {
    std::pop_heap(watched_.begin(), watched_.end());
    const Watched first = watched_.back();
    watched_.pop_back();
    switch (owner_.state_of(first.delivery_tag)) {
      case Owner::State::settled: break;
      case Owner::State::open: return Lapsed{first.delivery_tag, first.timeout};
      case Owner::State::held: {
        // It has a time of its own again if it is rolled back.
        const AckTimeout again{std::max<std::uint64_t>(first.timeout.duration_ms, 1),
                               first.timeout.action};
        push({deadline_of(again, now), first.delivery_tag, first.timeout});
        break;
      }
    }
  }
  timers_.arm(*this, watched_.empty() ? never : watched_.front().deadline);
  return std::nullopt;
}

void AckTimeouts::stop() {
  cancel();
  watched_.clear();
}

void AckTimeouts::note_taken_back(std::uint64_t delivery_tag) {
  if (taken_back_.size() == taken_back_max) taken_back_.erase(taken_back_.begin());
  taken_back_.insert(delivery_tag);
}

bool AckTimeouts::forgive(std::uint64_t delivery_tag, bool multiple) {
  const auto place = taken_back_.find(delivery_tag);
  const bool was_taken_back = place != taken_back_.end();
  if (multiple) {
    taken_back_.erase(taken_back_.begin(), taken_back_.upper_bound(delivery_tag));
  } else if (was_taken_back) {
    taken_back_.erase(place);
  }
  return was_taken_back;
}

}  // namespace leveret::broker
