/// One producer of a throughput load: publishes as fast as it may, counts what is confirmed.
///
/// Owner: one ThroughputLoad.   Thread: that load's.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <string>

#include "broker/cli/client_connection.hpp"
#include "broker/cli/latency_histogram.hpp"
#include "broker/cli/perf_loop.hpp"
#include "broker/cli/perf_options.hpp"
#include "broker/cli/publish_template.hpp"
#include "protocol/base/ring_buffer.hpp"

namespace leveret::cli {

/// What all publishers together have seen.
struct PublishCounts {
  std::uint64_t sent = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t nacked = 0;
  std::uint64_t returned = 0;
  std::uint64_t blocked = 0;
  LatencyHistogram confirm_latency;
};

class Publisher final : public ClientEvents {
 public:
  Publisher(PerfLoop& loop, const PerfOptions& options, MessageStamp first, std::string routing_key,
            PublishCounts& counts);

  /// Connects; publishes nothing yet. False when that failed.
  bool prepare();
  void start();
  /// Publishes nothing more.
  void stop();
  /// All that it will publish has been sent, and confirmed where that was asked for.
  bool finished() const {
    return !running_ && unconfirmed_count_ == 0 && connection_.pending_bytes() == 0;
  }
  std::uint64_t sent_count() const { return stamp_.sequence; }

  // ---- ClientEvents ----
  void on_confirm(std::uint64_t tag, bool multiple, bool accepted) override;
  void on_return() override { ++counts_.returned; }
  void on_blocked(bool blocked) override;
  void on_drained() override { fill(); }
  void on_failed(const std::string& why) override { loop_.fail(why); }

 private:
  void make_template();
  std::uint64_t allowed_count();
  void fill();
  void fill_later();
  void fill_when_due();

  PerfLoop& loop_;
  const PerfOptions& options_;
  PublishCounts& counts_;
  ClientConnection connection_;
  PublishTemplate template_;
  boost::asio::steady_timer rate_timer_;
  std::string routing_key_;
  MessageStamp stamp_;
  std::uint64_t start_ns_ = 0;
  bool running_ = false;
  bool blocked_ = false;
  bool fill_posted_ = false;
  /// When each publish from number `first_unconfirmed_` on was sent; 0: confirmed already.
  RingBuffer<std::uint64_t> unconfirmed_;
  std::uint64_t first_unconfirmed_ = 1;
  std::uint64_t unconfirmed_count_ = 0;
};

}  // namespace leveret::cli
