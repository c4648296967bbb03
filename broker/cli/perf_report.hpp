/// What a load has measured: named figures, shown to people or to machines.
///
/// Owner: one load.   Thread: that load's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "broker/cli/latency_histogram.hpp"

namespace leveret::cli {

class PerfReport {
 public:
  void add_count(std::string name, std::uint64_t value);
  void add_number(std::string name, double value);
  /// Adds NAME_p50_us, p95, p99, p999 and max; nothing when nothing was recorded.
  void add_latency(const std::string& name, const LatencyHistogram& histogram);

  /// One JSON object.
  std::string json() const;
  /// A line for each figure.
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> figures_;
};

}  // namespace leveret::cli
