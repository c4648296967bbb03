/// Messages that cannot be given to their consumers any more, counted by queue.
///
/// Thread: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

namespace leveret::storage {

struct LostMessages {
  std::uint64_t count = 0;
  std::uint64_t body_size_bytes = 0;
  std::uint64_t oldest_at_ms = UINT64_MAX;  ///< When they were published: wall clock, since 1970.
  std::uint64_t newest_at_ms = 0;

  bool operator==(const LostMessages&) const = default;
};

struct Losses {
  std::map<std::uint64_t, LostMessages> by_queue;
  std::uint64_t of_unknown_queues = 0;

  bool empty() const { return by_queue.empty() && of_unknown_queues == 0; }

  std::uint64_t count() const {
    std::uint64_t sum = of_unknown_queues;
    for (const auto& [queue, lost] : by_queue) sum += lost.count;
    return sum;
  }

  void add(std::uint64_t queue, std::uint32_t body_size_bytes, std::uint64_t published_at_ms) {
    add(queue, {1, body_size_bytes, published_at_ms, published_at_ms});
  }

  void add(const Losses& others) {
    for (const auto& [queue, lost] : others.by_queue) add(queue, lost);
    of_unknown_queues += others.of_unknown_queues;
  }

 private:
  void add(std::uint64_t queue, const LostMessages& others) {
    LostMessages& lost = by_queue[queue];
    lost.count += others.count;
    lost.body_size_bytes += others.body_size_bytes;
    lost.oldest_at_ms = std::min(lost.oldest_at_ms, others.oldest_at_ms);
    lost.newest_at_ms = std::max(lost.newest_at_ms, others.newest_at_ms);
  }
};

}  // namespace leveret::storage
