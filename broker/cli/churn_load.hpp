/// `leveret perf connection-churn`, `channel-churn` and `queue-churn`: make one, end it, again.
///
/// Thread: the calling one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/cli/latency_histogram.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/perf_report.hpp"

namespace leveret::cli {

class Churner;

struct ChurnCounts {
  std::uint64_t rounds = 0;
  LatencyHistogram latency;
};

class ChurnLoad {
 public:
  ChurnLoad(PerfLoop& loop, const PerfOptions& options);
  ~ChurnLoad();

  /// Runs to the end, unless the loop fails.
  void run();
  PerfReport report() const;

 private:
  PerfLoop& loop_;
  const PerfOptions& options_;
  ChurnCounts counts_;
  std::vector<std::unique_ptr<Churner>> churners_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t end_ns_ = 0;
};

}  // namespace leveret::cli
