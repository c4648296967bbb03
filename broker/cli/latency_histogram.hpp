/// Counts of durations, fine enough for percentiles: each bucket is at most 1.6 % wide.
///
/// Owner: one load.   Thread: that load's.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace leveret::cli {

class LatencyHistogram {
 public:
  void record(std::uint64_t duration_ns) {
    ++counts_[bucket_of(duration_ns)];
    ++count_;
    if (duration_ns > max_ns_) max_ns_ = duration_ns;
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t max_ns() const { return max_ns_; }
  /// The duration that `share` (0 to 1) of all recorded ones do not exceed; 0 when there are none.
  std::uint64_t percentile_ns(double share) const;

 private:
  // Values below 64 have a bucket each; above, each power of two is divided into 64.
  static constexpr unsigned linear_bits = 6;
  static constexpr std::uint64_t linear_count = 1u << linear_bits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < linear_count) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - linear_bits;
    return (shift + 1) * linear_count + ((value >> shift) - linear_count);
  }
  /// The largest value of a bucket.
  static std::uint64_t end_of(std::size_t bucket);

  std::array<std::uint64_t, (64 - linear_bits + 1) * linear_count> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace leveret::cli
