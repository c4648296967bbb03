/// `leveret perf expiry`: calls as `leveret perf rpc` makes them, timed while a long queue beside
/// them lies still, and while all of its messages expire.
///
/// Each message's time to live is what is left until its deadline. Deadlines are in the order of
/// publishing, so that they also come true on a broker which looks only at the first message.
///
/// Thread: the calling one.
#pragma once

#include <cstdint>
#include <string>

#include "broker/cli/client_connection.hpp"
#include "broker/cli/latency_histogram.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/perf_report.hpp"
#include "broker/cli/rpc_load.hpp"

namespace leveret::cli {

class ExpiryLoad final : private ClientEvents {
 public:
  ExpiryLoad(PerfLoop& loop, const PerfOptions& options);

  /// Runs to the end, unless the loop fails.
  void run();
  PerfReport report() const;
  /// Every message has expired, and every call has been answered once.
  bool is_clean() const;

 private:
  enum class Phase { filling, warming, idle, expiring, ending };

  void on_confirm(std::uint64_t tag, bool multiple, bool accepted) override;
  void on_drained() override { fill(); }
  void on_reply() override;
  void on_failed(const std::string& why) override { loop_.fail(why); }

  std::uint64_t deadline_ns(std::uint64_t number) const;
  void fill();
  void look_at_queue();
  void check();
  void end();

  PerfLoop& loop_;
  const PerfOptions& options_;
  std::string queue_;
  ClientConnection filler_;
  RpcLoad calls_;
  Phase phase_ = Phase::filling;
  std::uint64_t published_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t unexpired_ = 0;
  bool looking_ = false;
  std::uint64_t start_ns_ = 0;
  std::uint64_t filled_ns_ = 0;
  std::uint64_t empty_ns_ = 0;  ///< When the queue said that it is empty; 0: not yet.
  LatencyHistogram idle_latency_;
  LatencyHistogram expiry_latency_;
};

}  // namespace leveret::cli
