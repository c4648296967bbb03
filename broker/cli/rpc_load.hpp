/// `leveret perf rpc`: clients call, servers answer with the same body, round trips are measured.
///
/// Thread: the calling one.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "broker/cli/client_connection.hpp"
#include "broker/cli/latency_histogram.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/perf_report.hpp"
#include "broker/cli/sequence_checker.hpp"

namespace leveret::cli {

class RpcClient;
class RpcServer;

/// What all clients together have seen.
struct RpcCounts {
  std::uint64_t calls = 0;
  std::uint64_t replies = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t foreign = 0;
  std::uint64_t last_ns = 0;
  LatencyHistogram latency;
};

class RpcLoad final : private ClientEvents {
 public:
  RpcLoad(PerfLoop& loop, const PerfOptions& options);
  ~RpcLoad();

  /// Runs to the end, unless the loop fails.
  void run();
  /// The parts of run(), for a load that does something beside it. False: that failed.
  bool prepare();
  void start();
  /// Calls nothing more.
  void stop();
  /// Every call has been answered, or the answers stay away for too long.
  bool finished() const;
  /// Gives the round trips since the last call of this, and begins anew.
  LatencyHistogram take_latency() { return std::exchange(counts_.latency, {}); }
  PerfReport report() const;
  /// Every call has been answered once.
  bool is_clean() const;

 private:
  void on_failed(const std::string& why) override { loop_.fail(why); }
  void check();

  PerfLoop& loop_;
  const PerfOptions& options_;
  ClientConnection admin_;
  RpcCounts counts_;
  std::vector<std::unique_ptr<RpcServer>> servers_;
  std::vector<std::unique_ptr<RpcClient>> clients_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t end_ns_ = 0;
};

}  // namespace leveret::cli
