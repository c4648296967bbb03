#include "broker/server/shard.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "broker/server/logging.hpp"

namespace leveret::server {

namespace asio = boost::asio;

namespace {

Instant read_clock() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return Instant{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

WallTime read_calendar() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

// While an alarm is on, its end has to be noticed without any traffic.
constexpr std::chrono::milliseconds alarm_check_interval{50};
// The clock counts nanoseconds: it cannot say when a delay of millions of years is over.
constexpr std::chrono::hours longest_sleep{24};

}  // namespace

Shard::Shard(broker::ShardId own, std::vector<std::unique_ptr<Inbox>>& inboxes,
             ShardStorage storage, ShardSettings settings, const NodeAlarms& node_alarms)
    // One thread runs the context, others only post to it.
    : context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), keeps_running_(context_.get_executor()),
      timer_(context_), own_(own), mailbox_(own, inboxes), storage_(std::move(storage)),
      pager_(*storage_.pages, storage_.reader.get(), *storage_.log,
             [](const std::string& text) { log_error(text, LogCategory::storage); }),
      state_(own, static_cast<std::uint16_t>(inboxes.size()), mailbox_, *storage_.log),
      settings_(std::move(settings)), node_alarms_(node_alarms),
      scratch_(new std::byte[scratch_size_bytes]) {
  guard_.adopt();  // The maker's thread's, until run().
  guard_.assert_held();
  pager_.set_budget(settings_.page_out_at_bytes);
  state_.set_consumer_timeout_ms(settings_.consumer_timeout_ms);
  state_.events().set_node(settings_.session->node_name, ::getpid());
  state_.events().set_vhost(settings_.event_vhost);
  state_.set_pager(pager_);
  state_.begin_turn(read_clock(), read_calendar());
}

Shard::~Shard() {
  // The thread has ended; connections that are left go with the shard.
  guard_.adopt();
  guard_.assert_held();
  connections_.clear();
}

void Shard::post(std::function<void()> task) {
  asio::post(context_, [this, task = std::move(task)] {
    enter_turn();
    task();
  });
}

void Shard::wake() {
  asio::post(context_, [this] { enter_turn(); });
}

void Shard::stop() {
  stopped_ = true;
  wake();
}

void Shard::adopt(int descriptor, broker::Peer peer) {
  post([this, descriptor, peer = std::move(peer)]() mutable {
    guard_.assert_held();
    const auto id = broker::ConnectionId{(std::uint64_t{static_cast<std::uint16_t>(own_)} << 48) |
                                         ++last_connection_number_};
    auto connection = std::make_unique<TcpConnection>(*this, descriptor, std::move(peer), id);
    TcpConnection& started = *connection;
    connections_.emplace(&started, std::move(connection));
    connection_count_ = connections_.size();
    started.start();
  });
}

// ---- the turn ------------------------------------------------------------------------------

void Shard::run() {
  guard_.adopt();
  guard_.assert_held();
  while (!stopped_) {
    if (more_to_do_) {
      enter_turn();
    } else {
      context_.run_one();
    }
    for (int count = 1; count < handlers_per_turn_max && context_.poll_one() > 0; ++count) {
    }
    end_turn();
  }
}

void Shard::run_ready() {
  context_.poll();
  enter_turn();
  end_turn();
}

void Shard::run_until(const std::function<bool()>& done) {
  while (!done()) {
    context_.run_one();
    enter_turn();
    end_turn();
  }
}

void Shard::enter_turn() {
  guard_.assert_held();
  if (in_turn_) return;
  in_turn_ = true;
  state_.begin_turn(read_clock(), read_calendar());
}

void Shard::end_turn() {
  guard_.assert_held();
  if (!in_turn_) return;
  state_.advance_timers();
  receive_mail();
  // Output that leaves makes room for more deliveries: a few rounds, then the others' turn.
  constexpr int rounds_max = 4;
  more_to_do_ = true;
  for (int round = 0; round < rounds_max && more_to_do_; ++round) more_to_do_ = !finish_round();
  if (state_.page_out()) more_to_do_ = true;
  reap();
  arm_timer();
  in_turn_ = false;
}

bool Shard::finish_round() {
  guard_.assert_held();
  resuming_.swap(to_resume_);
  for (TcpConnection* connection : resuming_) connection->resume();
  resuming_.clear();
  const bool finished = state_.end_turn();
  check_alarms();
  mailbox_.flush();
  flushing_.swap(to_flush_);
  for (TcpConnection* connection : flushing_) connection->flush();
  flushing_.clear();
  return finished && to_resume_.empty() && to_flush_.empty();
}

void Shard::receive_mail() {
  guard_.assert_held();
  mailbox_.take(mail_);
  if (mail_.empty()) return;
  std::int64_t load_bytes = 0;
  for (broker::ShardMessage& message : mail_) {
    load_bytes += Mailbox::load_of(message);
    state_.dispatch(std::move(message));
  }
  mail_.clear();
  mailbox_.unload(load_bytes);
}

void Shard::reap() {
  guard_.assert_held();
  reaping_.swap(to_reap_);
  for (TcpConnection* connection : reaping_) {
    if (connection->done()) {
      connections_.erase(connection);
    } else {
      to_reap_.push_back(connection);
    }
  }
  reaping_.clear();
  connection_count_ = connections_.size();
}

void Shard::check_alarms() {
  guard_.assert_held();
  broker::ResourceAlarm alarm;
  alarm.memory = node_alarms_.memory.load(std::memory_order_relaxed) ||
                 broker::MessageMemory::used_bytes() > settings_.memory_high_watermark_bytes;
  alarm.disk = node_alarms_.disk.load(std::memory_order_relaxed);
  if (alarm != state_.alarm()) state_.dispatch(alarm);
}

void Shard::arm_timer() {
  guard_.assert_held();
  Instant next = state_.timers().next_deadline();
  if (state_.alarm().active()) next = std::min(next, state_.now() + alarm_check_interval);
  if (next == timer_deadline_) return;
  timer_deadline_ = next;
  if (next == never) {
    timer_.cancel();
    return;
  }
  next = std::min(next, state_.now() + longest_sleep);
  timer_.expires_at(std::chrono::steady_clock::time_point(
      std::chrono::milliseconds(static_cast<std::int64_t>(next))));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // Moved to another time.
    guard_.assert_held();
    timer_deadline_ = never;
    enter_turn();
  });
}

}  // namespace leveret::server
