/// The messages a channel has delivered and the client has not settled, by delivery tag.
///
/// Tags grow by one, so a message is found by counting from the oldest. Settled ones in the
/// middle leave holes; when holes prevail they are squeezed out and the search is by bisection,
/// so one message held for a week does not keep the trace of all that came after it.
///
/// Owner:  one Channel.   Thread: that channel's shard.
/// Spec:   basic.deliver, basic.ack, basic.nack, basic.reject; a tag of 0 with `multiple` = all.
#pragma once

#include <cstdint>
#include <optional>

#include "broker/core/ids.hpp"
#include "broker/core/queue_entry.hpp"
#include "protocol/base/ring_buffer.hpp"

namespace leveret::broker {

struct Unsettled {
  std::uint64_t delivery_tag = 0;
  QueueRef queue;
  ConsumerId consumer{};  ///< 0: fetched by basic.get.
  QueueEntry entry;       ///< Its message is null once settled.
};

class DeliveryLedger {
 public:
  /// The tag of the next delivery; also used for deliveries that need no acknowledgement.
  std::uint64_t next_tag() { return ++last_tag_; }

  /// Notes a delivery. Requires: tags grow.
  void add(Unsettled delivery) {
    note_added(delivery);
    unsettled_.push_back(std::move(delivery));
  }

  /// How many are unsettled.
  std::size_t size() const { return size_; }
  /// How many of them came to a consumer, rather than by basic.get.
  std::size_t consumed_count() const { return consumed_count_; }

  bool contains(std::uint64_t delivery_tag) const { return find(delivery_tag).has_value(); }

  /// Takes one delivery out. Requires: contains(delivery_tag).
  Unsettled take(std::uint64_t delivery_tag);

  /// Takes out all up to and including the tag, oldest first.
  template <class Visit>
  void take_up_to(std::uint64_t delivery_tag, Visit&& visit) {
    while (!unsettled_.empty() && unsettled_.front().delivery_tag <= delivery_tag) {
      Unsettled oldest = unsettled_.pop_front();
      if (oldest.entry.message == nullptr) continue;
      note_taken(oldest);
      visit(std::move(oldest));
    }
    unsettled_.trim(kept_capacity);
  }

  /// Puts a delivery back that was taken out: a transaction is rolled back.
  void restore(Unsettled delivery);

  template <class Visit>
  void take_all(Visit&& visit) {
    take_up_to(UINT64_MAX, visit);
  }

 private:
  static constexpr std::size_t kept_capacity = 16;

  void note_added(const Unsettled& delivery) {
    ++size_;
    if (delivery.consumer != ConsumerId{}) ++consumed_count_;
  }
  void note_taken(const Unsettled& delivery) {
    --size_;
    if (delivery.consumer != ConsumerId{}) --consumed_count_;
  }
  std::optional<std::size_t> find(std::uint64_t delivery_tag) const;
  void squeeze();

  RingBuffer<Unsettled> unsettled_;  ///< By growing tag; settled ones in between.
  std::size_t size_ = 0;
  std::size_t consumed_count_ = 0;
  std::uint64_t last_tag_ = 0;
};

}  // namespace leveret::broker
