#include "broker/session/confirm_tracker.hpp"

namespace leveret::broker {

PublishSeq ConfirmTracker::open(std::uint32_t verdict_count) {
  entries_.push_back({verdict_count, false});
  return PublishSeq{first_ + entries_.size() - 1};
}

void ConfirmTracker::settle(PublishSeq seq, Verdict verdict) {
  Entry& entry = entries_[static_cast<std::uint64_t>(seq) - first_];
  LEVERET_ASSERT(entry.undecided_count > 0, "a publish gets as many verdicts as it was opened for");
  --entry.undecided_count;
  if (verdict == Verdict::rejected) entry.rejected = true;
}

void ConfirmTracker::drain(std::vector<ConfirmFrame>& out) {
  std::uint64_t run_count = 0;
  const auto flush_run = [&] {
    if (run_count > 0) {
      out.push_back({PublishSeq{first_ - 1}, Verdict::accepted, run_count > 1});
    }
    run_count = 0;
  };
  for (; !entries_.empty() && entries_.front().undecided_count == 0; ++first_) {
    const bool rejected = entries_.pop_front().rejected;
    if (!rejected) {
      ++run_count;
      continue;
    }
    flush_run();  // A multiple ack must not cover a nack: clients would read it as accepted.
    out.push_back({PublishSeq{first_}, Verdict::rejected, false});
  }
  flush_run();
  entries_.trim(16);
}

}  // namespace leveret::broker
