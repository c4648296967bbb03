/// The one thread of a load: its event loop, its clock, and why it ended.
///
/// Owner: run_perf().   Thread: the calling one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace leveret::cli {

class PerfLoop {
 public:
  PerfLoop();

  boost::asio::io_context& context() { return context_; }
  /// Nanoseconds of a clock that never goes back; the same for all processes of the machine.
  static std::uint64_t now_ns();

  /// Ends run() with a failure.
  void fail(const std::string& why);
  /// Ends run().
  void stop() { context_.stop(); }
  /// The load should come to its end: its time is over or a signal has come.
  bool should_end() const { return should_end_; }
  const std::string& failure() const { return failure_; }

  /// Runs until stop(). Calls `check` every few milliseconds, and once more as soon as the load
  /// should end. `time_s` 0: until SIGINT or SIGTERM; a second one ends it at once.
  void run(double time_s, std::function<void()> check);

 private:
  void wait_for_signal();
  void tick();

  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer end_timer_;
  boost::asio::steady_timer tick_timer_;
  std::function<void()> check_;
  bool should_end_ = false;
  std::string failure_;
};

}  // namespace leveret::cli
