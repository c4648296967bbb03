#include "broker/cli/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace leveret::cli {
namespace {

TEST(LatencyHistogram, HasNoPercentilesWhileItIsEmpty) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.percentile_ns(0.5), 0u);
  EXPECT_EQ(histogram.max_ns(), 0u);
}

TEST(LatencyHistogram, IsExactForSmallValues) {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 60; ++value) histogram.record(value);
  EXPECT_EQ(histogram.percentile_ns(0.5), 30u);
  EXPECT_EQ(histogram.percentile_ns(1), 60u);
}

TEST(LatencyHistogram, TakesTheLargestAndTheSmallestDuration) {
  LatencyHistogram histogram;
  histogram.record(0);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.percentile_ns(0.5), 0u);
  EXPECT_EQ(histogram.percentile_ns(1), UINT64_MAX);
}

// Goal: a percentile is never below the true one, and at most a bucket's width above it.
TEST(LatencyHistogram, IsWithinABucketOfTheTruth) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> distribution(10, 3);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(distribution(random)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 10'000)) - 1;
    const std::uint64_t truth = values[rank];
    EXPECT_GE(histogram.percentile_ns(share), truth) << share;
    EXPECT_LE(histogram.percentile_ns(share), truth + truth / 64 + 1) << share;
  }
}

}  // namespace
}  // namespace leveret::cli
