#include "broker/cli/perf_report.hpp"

#include <array>
#include <charconv>

namespace leveret::cli {

namespace {

std::string decimal(double value) {
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::fixed, 1);
  return error == std::errc{} ? std::string(buffer.data(), end) : "0";
}

}  // namespace

void PerfReport::add_count(std::string name, std::uint64_t value) {
  figures_.emplace_back(std::move(name), std::to_string(value));
}

void PerfReport::add_number(std::string name, double value) {
  figures_.emplace_back(std::move(name), decimal(value));
}

void PerfReport::add_latency(const std::string& name, const LatencyHistogram& histogram) {
  if (histogram.count() == 0) return;
  constexpr double ns_per_us = 1000;
  constexpr std::array<std::pair<const char*, double>, 4> shares{
      {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}}};
  for (const auto& [label, share] : shares) {
    add_number(name + "_" + label + "_us",
               static_cast<double>(histogram.percentile_ns(share)) / ns_per_us);
  }
  add_number(name + "_max_us", static_cast<double>(histogram.max_ns()) / ns_per_us);
}

std::string PerfReport::json() const {
  std::string text = "{";
  for (const auto& [name, value] : figures_) {
    if (text.size() > 1) text += ", ";
    text += "\"" + name + "\": " + value;
  }
  return text + "}\n";
}

std::string PerfReport::text() const {
  constexpr std::size_t name_width = 24;
  std::string text;
  for (const auto& [name, value] : figures_) {
    text += name + std::string(name.size() < name_width ? name_width - name.size() : 1, ' ') +
            value + "\n";
  }
  return text;
}

}  // namespace leveret::cli
