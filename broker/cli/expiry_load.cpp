#include "broker/cli/expiry_load.hpp"

#include <algorithm>
#include <vector>

namespace leveret::cli {

namespace {

// Few, so that they are on their way only briefly: a time to live begins when the broker has the
// message.
constexpr std::uint64_t unconfirmed_max = 2000;
constexpr double ns_per_s = 1e9;
constexpr std::uint64_t ns_per_ms = 1'000'000;
// Calls before any are timed.
constexpr std::uint64_t warm_up_ns = 500'000'000;

std::uint64_t nanoseconds(double duration_s) {
  return static_cast<std::uint64_t>(duration_s * ns_per_s);
}

double seconds(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / ns_per_s : 0;
}

}  // namespace

ExpiryLoad::ExpiryLoad(PerfLoop& loop, const PerfOptions& options)
    : loop_(loop), options_(options), queue_(options.queue + "-expiring"),
      filler_(loop.context(), options.url, *this), calls_(loop, options) {}

std::uint64_t ExpiryLoad::deadline_ns(std::uint64_t number) const {
  const double share = static_cast<double>(number) / options_.expiring_count;
  return start_ns_ + nanoseconds(options_.expire_after_s + share * options_.expire_within_s);
}

void ExpiryLoad::run() {
  filler_.open();
  if (!filler_.wait_until_open()) return;
  protocol::queue::Declare declare;
  declare.queue = queue_;
  declare.durable = options_.durable;
  declare.exclusive = true;  // It has no consumer to be deleted with.
  const std::vector<std::byte> arguments = encoded_content(field_table(options_.queue_args));
  declare.arguments = protocol::TableView{arguments};
  if (!filler_.call(declare) || !filler_.call(protocol::confirm::Select{})) return;
  if (!calls_.prepare()) return;
  start_ns_ = PerfLoop::now_ns();
  fill();
  loop_.run(0, [this] { check(); });
}

void ExpiryLoad::fill() {
  protocol::basic::Publish method;
  method.routing_key = queue_;
  const std::vector<std::byte> body(options_.size_bytes);
  protocol::BasicProperties properties;
  if (options_.has_flag("persistent")) properties.delivery_mode = std::uint8_t{2};
  const std::uint64_t now = PerfLoop::now_ns();
  while (published_ < options_.expiring_count && published_ - confirmed_ < unconfirmed_max) {
    const std::uint64_t deadline = deadline_ns(published_);
    const std::string expiration =
        std::to_string(deadline > now ? (deadline - now) / ns_per_ms : 0);
    properties.expiration = expiration;
    filler_.publish(method, properties, body);
    ++published_;
  }
  filler_.flush();
}

void ExpiryLoad::on_confirm(std::uint64_t tag, bool /*multiple*/, bool accepted) {
  if (!accepted) return loop_.fail("the broker has refused a message that was to expire");
  confirmed_ = std::max(confirmed_, tag);
  // Half a window at a time, so that there is always some work on both sides.
  if (published_ - confirmed_ <= unconfirmed_max / 2) fill();
}

void ExpiryLoad::look_at_queue() {
  if (looking_) return;
  looking_ = true;
  protocol::queue::Declare declare;
  declare.queue = queue_;
  declare.passive = true;
  filler_.write(declare);
  filler_.flush();
}

void ExpiryLoad::on_reply() {
  if (!std::exchange(looking_, false)) return;
  unexpired_ = filler_.declared_message_count();
  if (unexpired_ == 0 && phase_ == Phase::expiring) {
    empty_ns_ = PerfLoop::now_ns();
    end();
  }
}

void ExpiryLoad::end() {
  if (phase_ == Phase::expiring) expiry_latency_ = calls_.take_latency();
  phase_ = Phase::ending;
  calls_.stop();
}

void ExpiryLoad::check() {
  const std::uint64_t now = PerfLoop::now_ns();
  const std::uint64_t first_deadline_ns = deadline_ns(0);
  const std::uint64_t idle_from_ns = first_deadline_ns - nanoseconds(options_.time_s);
  if (loop_.should_end() && phase_ != Phase::ending) end();
  switch (phase_) {
    case Phase::filling:
      if (confirmed_ < options_.expiring_count) return;
      filled_ns_ = now;
      if (now + warm_up_ns > idle_from_ns) {
        return loop_.fail("the queue was full only after " +
                          std::to_string(seconds(start_ns_, now)) +
                          " s: say a longer --expire-after");
      }
      calls_.start();
      phase_ = Phase::warming;
      return;
    case Phase::warming:
      if (now < idle_from_ns) return;
      calls_.take_latency();
      phase_ = Phase::idle;
      return;
    case Phase::idle:
      if (now < first_deadline_ns) return;
      idle_latency_ = calls_.take_latency();
      phase_ = Phase::expiring;
      return;
    case Phase::expiring:
      look_at_queue();
      if (seconds(deadline_ns(options_.expiring_count), now) > options_.grace_s) end();
      return;
    case Phase::ending:
      if (calls_.finished()) loop_.stop();
  }
}

bool ExpiryLoad::is_clean() const { return empty_ns_ != 0 && calls_.is_clean(); }

PerfReport ExpiryLoad::report() const {
  PerfReport report = calls_.report();
  report.add_count("expired", confirmed_ - std::min(confirmed_, unexpired_));
  report.add_number("filling_seconds", seconds(start_ns_, filled_ns_));
  report.add_number("expiry_seconds", seconds(deadline_ns(0), empty_ns_));
  report.add_latency("idle", idle_latency_);
  report.add_latency("expiry", expiry_latency_);
  return report;
}

}  // namespace leveret::cli
