/// Deliveries of one channel that have to be acknowledged in time, the next one due first. There
/// only while a time limit applies to any.
///
/// What has been settled meanwhile is noticed when its time comes, or when such entries prevail: so
/// an acknowledgement costs nothing, and a delivery, as a rule, a place at the end of a list.
///
/// A client may still acknowledge what has been taken away from it. It cannot know, so that such
/// tags are remembered, the latest few thousand of them.
///
/// Owner:  one Channel.   Thread: that channel's shard.
/// Spec:   RabbitMQ's consumer timeout.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "broker/core/ack_timeout.hpp"
#include "broker/core/timer_queue.hpp"

namespace leveret::broker {

class AckTimeouts final : private Timer {
 public:
  class Owner {
   public:
    /// Some delivery may be over.
    virtual void on_ack_timeout() = 0;
    /// What has become of a delivery.
    enum class State : std::uint8_t {
      settled,
      held,  ///< It is settled if the transaction is committed.
      open,
    };
    virtual State state_of(std::uint64_t delivery_tag) const = 0;

   protected:
    ~Owner() = default;
  };

  struct Lapsed {
    std::uint64_t delivery_tag = 0;
    AckTimeout timeout;
  };

  /// Both must outlive it.
  AckTimeouts(Owner& owner, TimerQueue& timers) : owner_(owner), timers_(timers) {}

  /// A delivery goes out. `open_count`: how many the channel has.
  void add(std::uint64_t delivery_tag, const AckTimeout& timeout, Instant now,
           std::size_t open_count);
  /// The next delivery that is open and should not be any more. None: the timer is set for when
  /// there may be one.
  std::optional<Lapsed> take_lapsed(Instant now);
  /// More is due, and will be asked for at once, in another turn.
  void put_off(Instant now) { timers_.arm(*this, now); }
  /// Nothing is to be watched any more.
  void stop();

  /// A delivery has been taken back from the client.
  void note_taken_back(std::uint64_t delivery_tag);
  /// Whether the client settles what has been taken back from it; that is forgotten then. With
  /// `multiple`, all up to the tag.
  bool forgive(std::uint64_t delivery_tag, bool multiple);

 private:
  static constexpr std::size_t taken_back_max = 4096;

  struct Watched {
    Instant deadline = never;
    std::uint64_t delivery_tag = 0;
    AckTimeout timeout;
    /// Of a heap whose front is due first.
    bool operator<(const Watched& other) const {
      return deadline != other.deadline ? deadline > other.deadline
                                        : delivery_tag > other.delivery_tag;
    }
  };

  void on_timer(Instant) override { owner_.on_ack_timeout(); }
  void push(Watched watched);
  void squeeze();

  Owner& owner_;
  TimerQueue& timers_;
  std::vector<Watched> watched_;  ///< A heap.
  std::set<std::uint64_t> taken_back_;
};

}  // namespace leveret::broker
