#include "broker/cli/publisher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <numeric>

#include "broker/cli/load_binding.hpp"

namespace leveret::cli {

namespace {
// What is made in one go, before others get their turn.
constexpr std::size_t batch_max_bytes = 128 * 1024;
// How often the clock is read while messages are made.
constexpr std::uint64_t messages_per_clock_reading = 32;
constexpr std::chrono::milliseconds rate_interval{1};
}  // namespace

Publisher::Publisher(PerfLoop& loop, const PerfOptions& options, MessageStamp first,
                     std::string routing_key, PublishCounts& counts)
    : loop_(loop), options_(options), counts_(counts),
      connection_(loop.context(), options.url, *this), rate_timer_(loop.context()),
      routing_key_(std::move(routing_key)), stamp_(first) {}

bool Publisher::prepare() {
  connection_.open();
  if (!connection_.wait_until_open()) return false;
  if (options_.confirm > 0 && !connection_.call(protocol::confirm::Select{})) return false;
  if (options_.random_routing_key) {
    routing_key_ += "." + std::string(PublishTemplate::key_digit_count, '0');
  }
  make_template();
  return true;
}

void Publisher::make_template() {
  protocol::basic::Publish method;
  method.exchange = options_.exchange;
  method.mandatory = options_.has_flag("mandatory");
  // As many variants as make bindings and priorities meet in all ways that they can.
  const std::uint64_t count = std::lcm(std::uint64_t{std::max(options_.bindings, 1u)},
                                       std::uint64_t{std::max(options_.priorities, 1u)});
  for (std::uint64_t i = 0; i < count; ++i) {
    LoadBinding binding;
    binding.routing_key = routing_key_;
    if (options_.bindings > 0) {
      binding = LoadBinding::numbered(options_.type, routing_key_,
                                      static_cast<std::uint32_t>(i % options_.bindings));
    }
    method.routing_key = binding.routing_key;
    std::vector<std::byte> headers;
    protocol::BasicProperties properties =
        options_.message_properties.with_headers(binding.headers, headers);
    if (options_.has_flag("persistent")) properties.delivery_mode = std::uint8_t{2};
    if (options_.priorities > 0) {
      properties.priority = static_cast<std::uint8_t>(i % options_.priorities);
    }
    if (i == 0) {
      template_ = PublishTemplate(method, properties, options_.size_bytes,
                                  connection_.frame_max_bytes());
    } else {
      template_.add_variant(method, properties);
    }
  }
}

void Publisher::start() {
  running_ = true;
  start_ns_ = PerfLoop::now_ns();
  fill();
}

void Publisher::stop() {
  running_ = false;
  rate_timer_.cancel();
}

std::uint64_t Publisher::allowed_count() {
  std::uint64_t allowed = UINT64_MAX;
  if (options_.confirm > 0) {
    allowed = options_.confirm - std::min<std::uint64_t>(options_.confirm, unconfirmed_count_);
  }
  if (options_.producer_messages > 0) {
    allowed = std::min(allowed, options_.producer_messages - stamp_.sequence);
  }
  if (options_.rate > 0) {
    const double elapsed_s = static_cast<double>(PerfLoop::now_ns() - start_ns_) / 1e9;
    const auto due = static_cast<std::uint64_t>(elapsed_s * options_.rate);
    allowed = std::min(allowed, due - std::min<std::uint64_t>(due, stamp_.sequence));
  }
  return allowed;
}

void Publisher::fill() {
  if (!running_ || blocked_) return;
  std::uint64_t allowed = allowed_count();
  for (std::uint64_t made = 0; allowed > 0 && connection_.pending_bytes() < batch_max_bytes;
       ++made, --allowed) {
    if (made % messages_per_clock_reading == 0) stamp_.time_ns = PerfLoop::now_ns();
    if (options_.random_routing_key) template_.set_key_number(stamp_.sequence * 2654435761u);
    template_.append_to(connection_, stamp_);
    ++stamp_.sequence;
    ++counts_.sent;
    if (options_.confirm > 0) {
      unconfirmed_.push_back(stamp_.time_ns);
      ++unconfirmed_count_;
    }
  }
  connection_.flush();
  if (options_.producer_messages > 0 && stamp_.sequence >= options_.producer_messages) {
    return stop();
  }
  if (options_.rate > 0) return fill_when_due();
  if (allowed > 0 && connection_.pending_bytes() == 0) fill_later();
}

void Publisher::fill_later() {
  if (fill_posted_) return;
  fill_posted_ = true;
  boost::asio::post(loop_.context(), [this] {
    fill_posted_ = false;
    fill();
  });
}

void Publisher::fill_when_due() {
  rate_timer_.expires_after(rate_interval);
  rate_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) fill();
  });
}

void Publisher::on_blocked(bool blocked) {
  blocked_ = blocked;
  if (blocked) ++counts_.blocked;
  if (!blocked) fill_later();
}

void Publisher::on_confirm(std::uint64_t tag, bool multiple, bool accepted) {
  const std::uint64_t now = PerfLoop::now_ns();
  const auto settle = [&](std::uint64_t number) {
    if (number < first_unconfirmed_ || number - first_unconfirmed_ >= unconfirmed_.size()) return;
    std::uint64_t& sent_ns = unconfirmed_[number - first_unconfirmed_];
    if (sent_ns == 0) return;
    counts_.confirm_latency.record(now - sent_ns);
    sent_ns = 0;
    --unconfirmed_count_;
    ++(accepted ? counts_.confirmed : counts_.nacked);
  };
  for (std::uint64_t number = multiple ? first_unconfirmed_ : tag; number <= tag; ++number) {
    settle(number);
  }
  while (!unconfirmed_.empty() && unconfirmed_.front() == 0) {
    unconfirmed_.pop_front();
    ++first_unconfirmed_;
  }
  fill_later();
}

}  // namespace leveret::cli
