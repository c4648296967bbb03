/// Deadlines of one shard, soonest first. Nothing here reads a clock: the shell asks for the
/// next deadline, sleeps, and says what time it is.
///
/// Owner: one ShardState.   Thread: that shard.
#pragma once

#include <boost/intrusive/set.hpp>

#include "protocol/base/clock.hpp"

namespace leveret::broker {

class TimerQueue;

/// Something that wants to be called at a time. Leaves its TimerQueue when it is destroyed.
class Timer : public boost::intrusive::set_base_hook<
                  boost::intrusive::link_mode<boost::intrusive::auto_unlink>,
                  boost::intrusive::optimize_size<true>> {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() = default;

  bool armed() const { return is_linked(); }
  /// Meaningful while armed.
  Instant deadline() const { return deadline_; }
  void cancel() {
    if (is_linked()) unlink();
  }

 private:
  friend class TimerQueue;
  /// The deadline has been reached; the timer is no longer armed, and may arm itself again.
  virtual void on_timer(Instant now) = 0;

  Instant deadline_ = never;
};

class TimerQueue {
 public:
  /// Sets or moves a timer. `never` cancels it.
  void arm(Timer& timer, Instant deadline) {
    if (timer.is_linked()) {
      if (timer.deadline_ == deadline) return;
      timer.unlink();
    }
    if (deadline == never) return;
    timer.deadline_ = deadline;
    timers_.insert(timer);
  }

  /// The soonest deadline, or `never`.
  Instant next_deadline() const { return timers_.empty() ? never : timers_.begin()->deadline_; }

  /// Fires every timer whose deadline is at or before `now`, each once: a timer that arms itself
  /// again for `now` waits for the next call, so that no timer can hold the shard.
  void advance(Instant now) {
    Timers due;
    while (!timers_.empty() && timers_.begin()->deadline_ <= now) {
      Timer& timer = *timers_.begin();
      timer.unlink();
      due.insert(due.end(), timer);
    }
    while (!due.empty()) {
      Timer& timer = *due.begin();
      timer.unlink();
      timer.on_timer(now);
    }
  }

 private:
  struct Order {
    bool operator()(const Timer& left, const Timer& right) const {
      return left.deadline_ < right.deadline_;
    }
  };
  using Timers = boost::intrusive::multiset<Timer, boost::intrusive::compare<Order>,
                                            boost::intrusive::constant_time_size<false>>;
  Timers timers_;
};

}  // namespace leveret::broker
