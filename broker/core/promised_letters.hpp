/// Dead letters that must not be lost: they stay in the log on behalf of the queue in which they
/// died until every queue that they go to has them safely. What leads nowhere, or is refused by a
/// full queue, is tried again and again, as long as the queue in which it died is there.
///
/// Owner:  the DeadLetters of one ShardState.   Thread: that shard.
/// Spec:   RabbitMQ's dead lettering at least once, of quorum queues.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <vector>

#include "broker/core/dead_letter.hpp"
#include "broker/core/endpoint.hpp"
#include "broker/core/shard_message.hpp"
#include "broker/core/timer_queue.hpp"
#include "broker/core/topology.hpp"

namespace leveret::broker {

class DeadLetters;
class ShardState;

class PromisedLetters final : private Endpoint, private Timer {
 public:
  /// Both must outlive it.
  PromisedLetters(ShardState& shard, DeadLetters& dead_letters)
      : shard_(shard), dead_letters_(dead_letters) {}

  /// Sends the letter on its way. False when a shard that it goes to is behind.
  bool add(DeadLetter letter);

  /// What of a queue is not safe elsewhere yet; to the queue's limits it counts.
  struct Amount {
    std::uint64_t count = 0;
    std::uint64_t body_bytes = 0;
  };
  Amount of(std::uint64_t durable_number) const;

 private:
  enum class LetterId : std::uint64_t {};
  struct Promise {
    DeadLetter letter;
    std::vector<QueueRef> safe_in;
    std::size_t missing_count = 0;  ///< Queues that have not answered.
    bool was_refused = false;
  };
  /// One of the queues that a letter goes to, until it has the letter or has refused it.
  struct Attempt {
    LetterId letter{};
    QueueRef queue;
    int missing_answers = 0;  ///< The queue's, and the log's where that keeps the message.
    bool was_refused = false;
  };

  using Endpoint::receive;
  void receive(const PublishVerdict& verdict) override;
  void on_committed(PublishSeq seq) override { note_answer(seq, Verdict::accepted); }
  void on_timer(Instant now) override;

  bool send(LetterId id);
  bool publish(LetterId id, const MessageRef& message, const RouteTarget& target,
               bool is_persistent);
  void note_answer(PublishSeq seq, Verdict verdict);
  void finish(LetterId id);
  void hold(LetterId id);
  void try_again(LetterId id);
  void arm_timer();

  ShardState& shard_;
  DeadLetters& dead_letters_;
  ChannelRef self_;  ///< Generation 0 as long as there was no letter.
  boost::unordered_flat_map<std::uint64_t, Promise> promises_;
  boost::unordered_flat_map<std::uint64_t, Attempt> attempts_;  ///< By their publish's number.
  boost::unordered_flat_map<std::uint64_t, Amount> amounts_;    ///< By durable number.
  std::deque<LetterId> held_;
  std::uint64_t last_id_ = 0;
  std::uint64_t last_seq_ = 0;
};

}  // namespace leveret::broker
