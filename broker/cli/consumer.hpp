/// One consumer of a throughput load: acknowledges, checks and times what it gets.
///
/// Owner: one ThroughputLoad.   Thread: that load's.
#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/cli/client_connection.hpp"
#include "broker/cli/latency_histogram.hpp"
#include "broker/cli/message_stamp.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/sequence_checker.hpp"

namespace leveret::cli {

/// What all consumers together have seen.
struct ConsumeCounts {
  std::uint64_t received = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t foreign = 0;  ///< Messages of another run.
  std::uint64_t last_ns = 0;  ///< When the last one came.
  LatencyHistogram latency;
};

/// What one queue has given, or one reader of a stream has read, by producer.
using QueueSeen = std::vector<SequenceChecker>;

class LoadConsumer final : public ClientEvents {
 public:
  LoadConsumer(PerfLoop& loop, const PerfOptions& options, std::uint16_t run, std::string queue,
               QueueSeen& seen, ConsumeCounts& counts);

  /// Connects and consumes. False when that failed.
  bool prepare();
  /// It has had as many messages as it wants.
  bool finished() const {
    return options_.consumer_messages > 0 && received_count_ >= options_.consumer_messages;
  }

  // ---- ClientEvents ----
  void on_delivery(const Delivery& delivery) override;
  void on_deliveries_end() override;
  void on_failed(const std::string& why) override { loop_.fail(why); }

 private:
  void check(const MessageStamp& stamp, bool redelivered);
  void slow_down();
  std::size_t priority_count() const { return std::max(options_.priorities, 1u); }

  PerfLoop& loop_;
  const PerfOptions& options_;
  std::uint16_t run_;
  std::string queue_;
  QueueSeen& seen_;
  ConsumeCounts& counts_;
  ClientConnection connection_;
  boost::asio::steady_timer rate_timer_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t now_ns_ = 0;  ///< Of the deliveries that came together; 0: not read yet.
  std::uint64_t received_count_ = 0;
  std::uint64_t unacked_count_ = 0;
  std::uint64_t last_tag_ = 0;
  /// By producer and priority: none lower should come any more.
  std::vector<std::uint32_t> next_sequence_;
};

}  // namespace leveret::cli
