#include "broker/cli/consumer.hpp"

#include <chrono>

namespace leveret::cli {

namespace basic = protocol::basic;

LoadConsumer::LoadConsumer(PerfLoop& loop, const PerfOptions& options, std::uint16_t run,
                           std::string queue, QueueSeen& seen, ConsumeCounts& counts)
    : loop_(loop), options_(options), run_(run), queue_(std::move(queue)), seen_(seen),
      counts_(counts), connection_(loop.context(), options.url, *this),
      rate_timer_(loop.context()),
      next_sequence_(seen.size() * priority_count()) {}

bool LoadConsumer::prepare() {
  connection_.open();
  if (!connection_.wait_until_open()) return false;
  if (options_.qos > 0) {
    basic::Qos qos;
    qos.prefetch_count = options_.qos;
    if (!connection_.call(qos)) return false;
  }
  start_ns_ = PerfLoop::now_ns();
  basic::Consume consume;
  consume.queue = queue_;
  consume.no_ack = options_.autoack;
  const std::vector<std::byte> arguments = encoded_content(field_table(options_.consumer_args));
  consume.arguments = protocol::TableView{arguments};
  return connection_.call(consume);
}

void LoadConsumer::on_delivery(const Delivery& delivery) {
  if (now_ns_ == 0) now_ns_ = PerfLoop::now_ns();
  ++received_count_;
  ++counts_.received;
  counts_.last_ns = now_ns_;
  if (delivery.redelivered) ++counts_.redelivered;
  last_tag_ = delivery.tag;
  if (!options_.autoack && ++unacked_count_ >= options_.multi_ack_every) {
    unacked_count_ = 0;
    connection_.write(basic::Ack{delivery.tag, options_.multi_ack_every > 1});
  }
  if (delivery.body.size() < sizeof(MessageStamp)) {
    ++counts_.foreign;
    return;
  }
  check(MessageStamp::read(delivery.body), delivery.redelivered);
}

void LoadConsumer::check(const MessageStamp& stamp, bool redelivered) {
  if (stamp.run != run_ || stamp.producer >= seen_.size()) {
    ++counts_.foreign;
    return;
  }
  counts_.latency.record(now_ns_ > stamp.time_ns ? now_ns_ - stamp.time_ns : 0);
  const bool first_time = seen_[stamp.producer].note(stamp.sequence);
  if (redelivered) return;  // It may be late, and it may come twice.
  if (!first_time) ++counts_.duplicated;
  // Messages of one priority are in order, those of several are not.
  std::uint32_t& next = next_sequence_[stamp.producer * priority_count() +
                                       stamp.sequence % priority_count()];
  if (stamp.sequence < next) {
    ++counts_.reordered;
  } else {
    next = stamp.sequence + 1;
  }
}

void LoadConsumer::on_deliveries_end() {
  now_ns_ = 0;
  if (finished() && unacked_count_ > 0) {
    unacked_count_ = 0;
    connection_.write(basic::Ack{last_tag_, true});
  }
  if (options_.consumer_rate > 0) slow_down();
}

void LoadConsumer::slow_down() {
  const double due_s = static_cast<double>(received_count_) / options_.consumer_rate;
  const double elapsed_s = static_cast<double>(PerfLoop::now_ns() - start_ns_) / 1e9;
  if (due_s <= elapsed_s) return;
  connection_.pause_reading();
  rate_timer_.expires_after(
      std::chrono::microseconds(static_cast<std::int64_t>((due_s - elapsed_s) * 1e6)));
  rate_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) connection_.resume_reading();
  });
}

}  // namespace leveret::cli
