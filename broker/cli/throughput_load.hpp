/// `leveret perf throughput`: producers and consumers at work, and the check that every message
/// came, once and in order.
///
/// Thread: the calling one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/cli/consumer.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/perf_report.hpp"
#include "broker/cli/publisher.hpp"

namespace leveret::cli {

class ThroughputLoad final : private ClientEvents {
 public:
  ThroughputLoad(PerfLoop& loop, const PerfOptions& options);

  /// Runs to the end, unless the loop fails.
  void run();
  PerfReport report() const;
  /// Nothing was lost, doubled or out of order.
  bool is_clean() const;

 private:
  void on_failed(const std::string& why) override { loop_.fail(why); }
  bool declare();
  bool bind(const std::string& queue);
  bool prepare();
  void check();
  bool all_received() const;
  std::uint64_t missing_count() const;
  std::uint64_t lost_count() const;
  void show_progress();

  PerfLoop& loop_;
  const PerfOptions& options_;
  std::uint16_t run_;
  std::vector<std::string> queues_;
  ClientConnection admin_;
  std::vector<QueueSeen> seen_;  ///< By queue, or by reader of streams.
  PublishCounts published_;
  ConsumeCounts consumed_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<LoadConsumer>> consumers_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t publish_end_ns_ = 0;
  std::uint64_t shown_ns_ = 0;
  std::uint64_t shown_sent_ = 0;
  std::uint64_t shown_received_ = 0;
};

}  // namespace leveret::cli
