#include "broker/cli/perf_report.hpp"

#include <gtest/gtest.h>

namespace leveret::cli {
namespace {

TEST(PerfReport, IsOneJsonObject) {
  PerfReport report;
  report.add_count("sent", 3);
  report.add_number("seconds", 1.25);
  EXPECT_EQ(report.json(), "{\"sent\": 3, \"seconds\": 1.2}\n");
  EXPECT_EQ(PerfReport{}.json(), "{}\n");
}

TEST(PerfReport, ShowsLatenciesOnlyWhereThereAreAny) {
  PerfReport report;
  report.add_latency("confirm", LatencyHistogram{});
  EXPECT_EQ(report.text(), "");
  LatencyHistogram histogram;
  histogram.record(2000);
  report.add_latency("latency", histogram);
  EXPECT_NE(report.text().find("latency_p99_us          2.0\n"), std::string::npos)
      << report.text();
}

}  // namespace
}  // namespace leveret::cli
