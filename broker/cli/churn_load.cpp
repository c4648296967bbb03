#include "broker/cli/churn_load.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "broker/cli/client_connection.hpp"

namespace leveret::cli {

using Load = PerfOptions::Load;

/// Goes round after round on its own.
class Churner final : public ClientEvents {
 public:
  Churner(PerfLoop& loop, const PerfOptions& options, std::uint32_t number, ChurnCounts& counts)
      : loop_(loop), options_(options), counts_(counts),
        queue_("leveret-perf-churn-" + std::to_string(::getpid()) + "-" + std::to_string(number)) {}

  void start() { connect(); }
  void stop() { running_ = false; }
  bool finished() const { return finished_; }

  void on_open() override {
    if (options_.load == Load::connection_churn) return declare(true);
    begin_round();
  }
  void on_reply() override {
    if (std::exchange(half_done_, !half_done_)) return end_round();
    switch (options_.load) {
      case Load::connection_churn:
        half_done_ = false;
        return connection_->close();
      case Load::channel_churn:
        connection_->write(protocol::channel::Close{200, "done", 0, 0}, churned_channel);
        return connection_->flush();
      default: {
        protocol::queue::Delete method;
        method.queue = queue_;
        connection_->write(method);
        connection_->flush();
      }
    }
  }
  void on_closed() override {
    if (options_.load == Load::connection_churn && !finished_) end_round();
  }
  void on_failed(const std::string& why) override { loop_.fail(why); }

 private:
  static constexpr std::uint16_t churned_channel = 2;

  void connect() {
    round_start_ns_ = PerfLoop::now_ns();
    connection_ = std::make_unique<ClientConnection>(loop_.context(), options_.url, *this);
    connection_->open();
  }

  void begin_round() {
    round_start_ns_ = PerfLoop::now_ns();
    if (options_.load == Load::queue_churn) return declare(false);
    connection_->write(protocol::channel::Open{}, churned_channel);
    connection_->flush();
  }

  void declare(bool exclusive) {
    protocol::queue::Declare method;
    method.queue = queue_;
    method.exclusive = exclusive;
    connection_->write(method);
    connection_->flush();
  }

  void end_round() {
    ++counts_.rounds;
    ++rounds_;
    counts_.latency.record(PerfLoop::now_ns() - round_start_ns_);
    if (!running_ || (options_.producer_messages > 0 && rounds_ >= options_.producer_messages)) {
      finished_ = true;
      return;
    }
    if (options_.load != Load::connection_churn) return begin_round();
    // The connection that has ended is on the stack: another takes its place afterwards.
    boost::asio::post(loop_.context(), [this] { connect(); });
  }

  PerfLoop& loop_;
  const PerfOptions& options_;
  ChurnCounts& counts_;
  std::string queue_;
  std::unique_ptr<ClientConnection> connection_;
  std::uint64_t round_start_ns_ = 0;
  std::uint64_t rounds_ = 0;
  bool half_done_ = false;
  bool running_ = true;
  bool finished_ = false;
};

ChurnLoad::ChurnLoad(PerfLoop& loop, const PerfOptions& options) : loop_(loop), options_(options) {}

ChurnLoad::~ChurnLoad() = default;

void ChurnLoad::run() {
  for (std::uint32_t i = 0; i < options_.producers; ++i) {
    churners_.push_back(std::make_unique<Churner>(loop_, options_, i, counts_));
  }
  start_ns_ = PerfLoop::now_ns();
  for (const auto& churner : churners_) churner->start();
  loop_.run(options_.time_s, [this] {
    if (loop_.should_end()) {
      for (const auto& churner : churners_) churner->stop();
    }
    if (std::all_of(churners_.begin(), churners_.end(),
                    [](const auto& churner) { return churner->finished(); })) {
      loop_.stop();
    }
  });
  end_ns_ = PerfLoop::now_ns();
}

PerfReport ChurnLoad::report() const {
  const double duration_s = static_cast<double>(end_ns_ - start_ns_) / 1e9;
  PerfReport report;
  report.add_number("seconds", duration_s);
  report.add_count("rounds", counts_.rounds);
  report.add_number("rounds_per_s",
                    duration_s > 0 ? static_cast<double>(counts_.rounds) / duration_s : 0);
  report.add_latency("latency", counts_.latency);
  return report;
}

}  // namespace leveret::cli
