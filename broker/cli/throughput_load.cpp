#include "broker/cli/throughput_load.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "broker/cli/load_binding.hpp"

namespace leveret::cli {

namespace {
constexpr double ns_per_s = 1e9;

double seconds(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / ns_per_s : 0;
}
double per_second(std::uint64_t count, double duration_s) {
  return duration_s > 0 ? static_cast<double>(count) / duration_s : 0;
}
}  // namespace

ThroughputLoad::ThroughputLoad(PerfLoop& loop, const PerfOptions& options)
    : loop_(loop), options_(options), run_(static_cast<std::uint16_t>(::getpid())),
      queues_(options.queue_names()), admin_(loop.context(), options.url, *this) {}

// ---- before ----------------------------------------------------------------------------------

bool ThroughputLoad::declare() {
  namespace queue = protocol::queue;
  admin_.open();
  if (!admin_.wait_until_open()) return false;
  if (options_.predeclared) return true;
  if (!options_.exchange.empty()) {
    protocol::exchange::Declare exchange;
    exchange.exchange = options_.exchange;
    exchange.type = options_.type;
    exchange.durable = options_.durable;
    exchange.auto_delete = options_.auto_delete;
    if (!admin_.call(exchange)) return false;
  }
  const std::vector<std::byte> arguments = encoded_content(field_table(options_.queue_args));
  for (const std::string& name : queues_) {
    queue::Declare declare;
    declare.queue = name;
    declare.durable = options_.durable;
    declare.auto_delete = options_.auto_delete;
    declare.arguments = protocol::TableView{arguments};
    if (!admin_.call(declare)) return false;
    if (!options_.exchange.empty() && !bind(name)) return false;
  }
  return true;
}

bool ThroughputLoad::bind(const std::string& queue) {
  const std::string key = options_.routing_key.empty() ? "perf" : options_.routing_key;
  protocol::queue::Bind bind;
  bind.queue = queue;
  bind.exchange = options_.exchange;
  for (std::uint32_t i = 0; i < options_.bindings; ++i) {
    const LoadBinding binding = LoadBinding::numbered(options_.type, key, i);
    const std::vector<std::byte> arguments = encoded_content(binding.arguments);
    bind.routing_key = binding.pattern;
    bind.arguments = protocol::TableView{arguments};
    if (!admin_.call(bind)) return false;
  }
  bind.arguments = {};
  bind.routing_key = key;
  if (options_.bindings == 0 && !admin_.call(bind)) return false;
  for (std::uint32_t i = 0; i < options_.unused_bindings; ++i) {
    const std::string unused = "unused." + std::to_string(i) + "." + key;
    bind.routing_key = unused;
    if (!admin_.call(bind)) return false;
  }
  return true;
}

bool ThroughputLoad::prepare() {
  // Each reader of a stream gets everything.
  seen_.assign(options_.reads_streams() ? options_.consumers : queues_.size(),
               QueueSeen(options_.producers));
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    consumers_.push_back(std::make_unique<LoadConsumer>(loop_, options_, run_,
                                                        queues_[i % queues_.size()],
                                                        seen_[i % seen_.size()], consumed_));
    if (!consumers_.back()->prepare()) return false;
  }
  for (std::uint32_t i = 0; i < options_.producers; ++i) {
    std::string key = options_.routing_key;
    if (key.empty()) key = options_.exchange.empty() ? queues_[i % queues_.size()] : "perf";
    MessageStamp first;
    first.producer = static_cast<std::uint16_t>(i);
    first.run = run_;
    publishers_.push_back(
        std::make_unique<Publisher>(loop_, options_, first, std::move(key), published_));
    if (!publishers_.back()->prepare()) return false;
  }
  return true;
}

// ---- during ----------------------------------------------------------------------------------

void ThroughputLoad::run() {
  if (!declare() || !prepare()) return;
  start_ns_ = shown_ns_ = PerfLoop::now_ns();
  for (const auto& publisher : publishers_) publisher->start();
  loop_.run(options_.time_s, [this] { check(); });
  if (publish_end_ns_ == 0) publish_end_ns_ = PerfLoop::now_ns();
}

void ThroughputLoad::check() {
  if (options_.interval_s > 0) show_progress();
  if (loop_.should_end()) {
    for (const auto& publisher : publishers_) publisher->stop();
  }
  const bool consumers_done =
      !consumers_.empty() &&
      std::all_of(consumers_.begin(), consumers_.end(),
                  [](const auto& consumer) { return consumer->finished(); });
  if (publishers_.empty()) {
    if (loop_.should_end() || consumers_done) loop_.stop();
    return;
  }
  const std::uint64_t now = PerfLoop::now_ns();
  if (!std::all_of(publishers_.begin(), publishers_.end(),
                   [](const auto& publisher) { return publisher->finished(); })) {
    return;
  }
  if (publish_end_ns_ == 0) publish_end_ns_ = now;
  // What is still on its way may take its time, as long as something comes.
  const std::uint64_t last_sign = std::max(publish_end_ns_, consumed_.last_ns);
  if (consumers_.empty() || consumers_done || all_received() ||
      seconds(last_sign, now) > options_.grace_s) {
    loop_.stop();
  }
}

void ThroughputLoad::show_progress() {
  const std::uint64_t now = PerfLoop::now_ns();
  const double passed_s = seconds(shown_ns_, now);
  if (passed_s < options_.interval_s) return;
  std::fprintf(stderr, "%.1f s: sent %.0f/s, received %.0f/s\n", seconds(start_ns_, now),
               per_second(published_.sent - shown_sent_, passed_s),
               per_second(consumed_.received - shown_received_, passed_s));
  shown_ns_ = now;
  shown_sent_ = published_.sent;
  shown_received_ = consumed_.received;
}

// ---- after -----------------------------------------------------------------------------------

bool ThroughputLoad::all_received() const { return missing_count() == 0; }

std::uint64_t ThroughputLoad::missing_count() const {
  std::uint64_t missing = 0;
  const std::size_t consumed = std::min(seen_.size(), consumers_.size());
  for (std::size_t place = 0; place < consumed; ++place) {
    for (std::size_t producer = 0; producer < publishers_.size(); ++producer) {
      // The default exchange brings a producer's messages to one queue, a named one to all.
      const bool same_queue = producer % queues_.size() == place % queues_.size();
      if (options_.exchange.empty() && !same_queue) continue;
      missing += publishers_[producer]->sent_count() - seen_[place][producer].seen_count();
    }
  }
  return missing;
}

std::uint64_t ThroughputLoad::lost_count() const {
  // Consumers that stop by themselves leave messages where they are.
  if (options_.consumer_messages > 0) return 0;
  const std::uint64_t missing = missing_count();
  // Those that the broker has refused or sent back are not lost.
  return missing - std::min(missing, published_.nacked + published_.returned);
}

bool ThroughputLoad::is_clean() const {
  return lost_count() == 0 && consumed_.duplicated == 0 && consumed_.reordered == 0;
}

PerfReport ThroughputLoad::report() const {
  const double sending_s = seconds(start_ns_, publish_end_ns_);
  const double receiving_s = seconds(start_ns_, consumed_.last_ns);
  PerfReport report;
  report.add_number("seconds", std::max(sending_s, receiving_s));
  report.add_count("sent", published_.sent);
  report.add_number("sent_per_s", per_second(published_.sent, sending_s));
  report.add_count("received", consumed_.received);
  report.add_number("received_per_s", per_second(consumed_.received, receiving_s));
  report.add_count("confirmed", published_.confirmed);
  report.add_count("nacked", published_.nacked);
  report.add_count("returned", published_.returned);
  report.add_count("blocked", published_.blocked);
  report.add_count("lost", lost_count());
  report.add_count("duplicated", consumed_.duplicated);
  report.add_count("reordered", consumed_.reordered);
  report.add_count("redelivered", consumed_.redelivered);
  report.add_count("foreign", consumed_.foreign);
  report.add_latency("latency", consumed_.latency);
  report.add_latency("confirm", published_.confirm_latency);
  return report;
}

}  // namespace leveret::cli
