/// Publisher confirms of one channel. Joins the verdicts of all queues a message went to and
/// releases them in publish order as the fewest ack/nack frames.
///
/// Owner:  one Channel.   Thread: that channel's shard; takes no lock.
/// Spec:   confirm.select (85,10), basic.ack (60,80), basic.nack (60,120) of RabbitMQ.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/core/ids.hpp"
#include "protocol/base/ring_buffer.hpp"

namespace leveret::broker {

/// One basic.ack (accepted) or basic.nack (rejected) to be sent.
struct ConfirmFrame {
  PublishSeq seq{};
  Verdict verdict = Verdict::accepted;
  bool multiple = false;
  bool operator==(const ConfirmFrame&) const = default;
};

class ConfirmTracker {
 public:
  /// Opens the next publish, which waits for `verdict_count` verdicts. None: accepted at once.
  PublishSeq open(std::uint32_t verdict_count);

  /// Records one verdict. Requires: `seq` is open and a verdict of it is missing.
  void settle(PublishSeq seq, Verdict verdict);

  /// Appends the frames due since the last call. Never acks across an undecided publish.
  void drain(std::vector<ConfirmFrame>& out);

  /// How many publishes have not been answered.
  std::size_t open_count() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint32_t undecided_count = 0;
    bool rejected = false;
  };
  RingBuffer<Entry> entries_;  ///< The front is number `first_`.
  std::uint64_t first_ = 1;
};

}  // namespace leveret::broker
