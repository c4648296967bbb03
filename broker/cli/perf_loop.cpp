#include "broker/cli/perf_loop.hpp"

#include <chrono>
#include <csignal>
#include <utility>

namespace leveret::cli {

namespace {
constexpr std::chrono::milliseconds check_interval{5};
}  // namespace

PerfLoop::PerfLoop()
    : signals_(context_, SIGINT, SIGTERM), end_timer_(context_), tick_timer_(context_) {}

std::uint64_t PerfLoop::now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

void PerfLoop::fail(const std::string& why) {
  if (failure_.empty()) failure_ = why;
  stop();
}

void PerfLoop::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    if (should_end_) return stop();
    should_end_ = true;
    check_();
    wait_for_signal();
  });
}

void PerfLoop::tick() {
  tick_timer_.expires_after(check_interval);
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    check_();
    tick();
  });
}

void PerfLoop::run(double time_s, std::function<void()> check) {
  if (!failure_.empty()) return;
  check_ = std::move(check);
  wait_for_signal();
  tick();
  if (time_s > 0) {
    end_timer_.expires_after(std::chrono::microseconds(static_cast<std::int64_t>(time_s * 1e6)));
    end_timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      should_end_ = true;
      check_();
    });
  }
  context_.restart();
  context_.run();
}

}  // namespace leveret::cli
