#include "broker/cli/holding_load.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

namespace leveret::cli {

namespace basic = protocol::basic;

HoldingLoad::HoldingLoad(PerfLoop& loop, const PerfOptions& options)
    : loop_(loop), options_(options) {}

bool HoldingLoad::open_connections() {
  for (std::uint32_t i = 0; i < options_.count; ++i) {
    connections_.push_back(
        std::make_unique<ClientConnection>(loop_.context(), options_.url, *this));
    ClientConnection& connection = *connections_.back();
    connection.open();
    if (!connection.wait_until_open()) return false;
    protocol::queue::Declare declare;
    declare.exclusive = true;
    if (!connection.call(declare)) return false;
    basic::Consume consume;
    consume.queue = connection.declared_queue();
    if (!connection.call(consume)) return false;
  }
  return true;
}

bool HoldingLoad::declare_queues() {
  connections_.push_back(
      std::make_unique<ClientConnection>(loop_.context(), options_.url, *this));
  ClientConnection& connection = *connections_.back();
  connection.open();
  if (!connection.wait_until_open()) return false;
  for (std::uint32_t i = 0; i < options_.count; ++i) {
    // As long as the names of oslo.messaging's reply queues. Exclusive, to be gone afterwards.
    std::string name = "reply_" + std::to_string(::getpid()) + "_" + std::to_string(i);
    name.resize(38, '_');
    protocol::queue::Declare declare;
    declare.queue = name;
    declare.exclusive = true;
    if (!connection.call(declare)) return false;
  }
  return true;
}

void HoldingLoad::run() {
  const std::uint64_t start_ns = PerfLoop::now_ns();
  const bool connections = options_.load == PerfOptions::Load::connection_count;
  if (!(connections ? open_connections() : declare_queues())) return;
  made_in_ns_ = PerfLoop::now_ns() - start_ns;
  std::printf("holding %u\n", options_.count);
  std::fflush(stdout);
  loop_.run(options_.time_s, [this] {
    if (loop_.should_end()) loop_.stop();
  });
}

PerfReport HoldingLoad::report() const {
  const double duration_s = static_cast<double>(made_in_ns_) / 1e9;
  PerfReport report;
  report.add_count("held", options_.count);
  report.add_number("seconds", duration_s);
  report.add_number("made_per_s",
                    duration_s > 0 ? static_cast<double>(options_.count) / duration_s : 0);
  return report;
}

}  // namespace leveret::cli
