/// The consumers of one queue: who is served next.
///
/// Among the consumers that can take a message, those of the highest priority are served in
/// turn; lower ones only when no higher one can take any.
///
/// A list of which a single consumer is active serves only that one, also while it cannot take
/// messages. It is the first that came. When it goes, the one of the highest priority follows, and
/// among equals the one that came first; in a quorum queue always that. A higher priority alone
/// does not end anybody's turn.
/// Peer: RabbitMQ's rabbit_queue_consumers (priority queue of consumers, blocked ones aside).
///
/// Owner: one Queue.   Thread: the queue's home shard.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/ids.hpp"
#include "broker/core/stream_reading.hpp"

namespace leveret::broker {

struct Consumer
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  ConsumerId id{};
  ChannelRef channel;
  ConsumerKey key{};           ///< What the channel calls it.
  std::int32_t priority = 0;
  std::uint32_t credit_limit = 0;  ///< Most messages unacknowledged at once; 0 = no limit.
  std::uint32_t unacked_count = 0;
  bool no_ack = false;
  bool exclusive = false;
  bool blocked = false;        ///< The channel cannot take more for now.
  std::shared_ptr<const StreamReading> reading;  ///< Of a stream only, and then always.

  bool can_take() const {
    return !blocked && (no_ack || credit_limit == 0 || unacked_count < credit_limit);
  }
};

class ConsumerList {
 public:
  /// Who follows the single active consumer.
  enum class Successor : bool { highest_priority, first_come };

  explicit ConsumerList(bool single_active = false,
                        Successor successor = Successor::highest_priority)
      : single_active_(single_active), successor_(successor) {}

  bool empty() const { return consumers_.empty(); }
  std::size_t size() const { return consumers_.size(); }
  bool has_exclusive() const { return consumers_.size() == 1 && consumers_[0]->exclusive; }

  /// Adds a consumer behind those of its priority. Its id is set here.
  Consumer& add(Consumer&& consumer);
  /// Removes the consumer; false when there is none of that id. The next one is active then, if it
  /// was the single active one.
  bool remove(ConsumerId id);
  /// The consumer, or nullptr when it has gone.
  Consumer* find(ConsumerId id);

  /// Who is to be served next, or nullptr when nobody can take a message.
  const Consumer* next() const { return ready_.empty() ? nullptr : &ready_.front(); }
  Consumer* next() { return ready_.empty() ? nullptr : &ready_.front(); }
  /// To be called after `consumer` was served, or after what it can take has changed: puts it
  /// behind its peers, or aside.
  void requeue(Consumer& consumer);
  /// To be called when a consumer that stood aside might be able to take messages again.
  void refresh(Consumer& consumer) {
    if (!consumer.is_linked() || !consumer.can_take()) requeue(consumer);
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& consumer : consumers_) visit(*consumer);
  }

 private:
  void activate_next();

  std::vector<std::unique_ptr<Consumer>> consumers_;  ///< By growing id.
  boost::intrusive::list<Consumer, boost::intrusive::constant_time_size<false>> ready_;
  std::uint32_t last_id_ = 0;
  const bool single_active_;
  const Successor successor_;
  ConsumerId active_{};  ///< The only one ever ready, if there is to be one.
};

}  // namespace leveret::broker
