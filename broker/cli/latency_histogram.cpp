#include "broker/cli/latency_histogram.hpp"

#include <algorithm>
#include <cmath>

namespace leveret::cli {

std::uint64_t LatencyHistogram::end_of(std::size_t bucket) {
  if (bucket < linear_count) return bucket;
  const std::size_t shift = bucket / linear_count - 1;
  const std::uint64_t first = (bucket % linear_count + linear_count) << shift;
  return first + ((std::uint64_t{1} << shift) - 1);
}

std::uint64_t LatencyHistogram::percentile_ns(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return std::min(end_of(bucket), max_ns_);
  }
  return max_ns_;
}

}  // namespace leveret::cli
