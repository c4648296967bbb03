/// `leveret perf connection-count` and `queue-count`: make many, say when they are there, hold
/// them, so that somebody can look at what they cost.
///
/// Thread: the calling one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/cli/client_connection.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/perf_report.hpp"

namespace leveret::cli {

class HoldingLoad final : public ClientEvents {
 public:
  HoldingLoad(PerfLoop& loop, const PerfOptions& options);

  /// Prints "holding N" to standard output when all are there, then holds them until the loop
  /// should end.
  void run();
  PerfReport report() const;

  void on_failed(const std::string& why) override { loop_.fail(why); }

 private:
  bool open_connections();
  bool declare_queues();

  PerfLoop& loop_;
  const PerfOptions& options_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::uint64_t made_in_ns_ = 0;
};

}  // namespace leveret::cli
