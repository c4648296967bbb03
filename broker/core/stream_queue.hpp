/// A stream: messages are added at the end, each with the next offset, and stay until retention
/// takes them away. Any number of readers go through it, each from where it wants; what they
/// acknowledge only lets them have more.
///
/// Only the stream's home knows the order, so it writes a message to the log itself, persistent or
/// not, and gives its verdict when the log has it. Nobody reads it before.
///
/// Owner:  the ShardState that it is homed on.   Thread: that shard.
/// Spec:   RabbitMQ's streams over AMQP 0-9-1.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/core/chunked_fifo.hpp"
#include "broker/core/endpoint.hpp"
#include "broker/core/queue.hpp"
#include "broker/core/stream_index.hpp"
#include "broker/core/timer_queue.hpp"

namespace leveret::broker {

class StreamQueue final : public Queue, private Timer, private Endpoint {
 public:
  /// `shard` must outlive the queue.
  StreamQueue(ShardState& shard, QueueDefinitionRef definition);

  QueueCounts counts() override { return {index_.end() - index_.first(), readers_.size()}; }
  std::uint64_t unacked_count() const override { return unacked_count_; }
  std::optional<Verdict> enqueue(PublishToQueue&& publish) override;
  void settle(const Settle& settled) override { uncount(settled.consumer); }
  void reject(Reject&& rejected) override { uncount(rejected.consumer); }
  void put_back(Requeue&& requeued) override { uncount(requeued.consumer); }
  Result<ConsumerId, protocol::AmqpError> add_consumer(Consumer&& consumer) override;
  void remove_consumer(ConsumerId id) override;
  void update_consumer(const UpdateConsumer& update) override;
  /// Nothing is got from a stream, and it is not purged: sessions refuse both.
  std::optional<QueueEntry> get(bool) override { return std::nullopt; }
  std::uint64_t purge() override { return 0; }
  void recover(const RecoveredEntry& entry) override;
  void end_recovery(storage::LogReader& reader) override;
  void touch() override {}
  bool pump() override;
  void end() override;

 private:
  struct Reader : Consumer {
    explicit Reader(Consumer&& consumer) : Consumer(std::move(consumer)) {}
    StreamOffset next{};
  };
  using Readers = boost::intrusive::list<Reader, boost::intrusive::constant_time_size<false>>;
  /// A message that the log does not have yet.
  struct Pending {
    storage::LogTicket ticket;
    MessageRef message;
    WallTime time;
    ChannelRef publisher;
    PublishSeq seq;
  };

  void on_committed(PublishSeq) override;
  void on_timer(Instant now) override;
  bool is_awaited(const Message& message) const;
  Reader* find(ConsumerId id);
  StreamOffset start_of(const StreamReading& reading);
  void place(Reader& reader);
  void uncount(ConsumerId id);
  std::uint64_t serve(Reader& reader);
  std::uint64_t segment_size_bytes() const;
  void retain();
  bool oldest_segment_is_over() const;

  StreamIndex index_;
  ChunkedFifo<Pending> pending_;
  storage::LogTicket awaited_{};  ///< The last one that it has asked to be told about.
  Slot endpoint_;                 ///< Where it is told; there since the first message.
  StreamOffset next_offset_{};
  StreamOffset last_batch_{};     ///< The first of the messages that came last, together.
  std::vector<std::unique_ptr<Reader>> readers_;  ///< By growing id.
  Readers ready_;    ///< Can take messages, and there are some.
  Readers waiting_;  ///< Can take messages, and have had all there are.
  std::uint32_t last_id_ = 0;
  std::uint64_t unacked_count_ = 0;
  std::vector<QueueEntry> run_;  ///< Working memory.
};

}  // namespace leveret::broker
