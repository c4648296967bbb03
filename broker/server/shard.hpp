/// A shard with its thread: the event loop, its connections, and the turn.
///
/// Turn: up to 64 ready handlers run, then queues deliver, the log gets its batch, confirms are
/// released, mail leaves, and each connection with output is written once.
///
/// Owner:  the Server.   Thread: run() is the shard's thread; adopt(), post() and stop() may be
///         called by any other.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "broker/core/message_pager.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/server/mailbox.hpp"
#include "broker/server/tcp_connection.hpp"
#include "broker/session/session_settings.hpp"
#include "protocol/base/clock.hpp"
#include "protocol/base/shard_guard.hpp"
#include "storage/log.hpp"
#include "storage/page_file.hpp"

namespace leveret::server {

/// Options of a client's socket.
struct SocketSettings {
  bool nodelay = true;
  std::uint32_t keepalive_s = 60;        ///< 0: no TCP keepalive.
  std::uint32_t user_timeout_ms = 180000; ///< TCP_USER_TIMEOUT; 0: the system's.
  std::uint32_t send_buffer_bytes = 0;   ///< 0: the system's.
  std::uint32_t receive_buffer_bytes = 0;
};

/// What a shard needs to know beside its sessions' settings; the same for all.
struct ShardSettings {
  std::shared_ptr<const broker::SessionSettings> session;
  SocketSettings socket;
  std::uint64_t memory_high_watermark_bytes = 0;
  std::uint64_t page_out_at_bytes = 0;  ///< Messages take as much before queues are paged out.
  std::uint64_t consumer_timeout_ms = 0;  ///< 0: no limit.
  std::string event_vhost;              ///< Has the event exchange; empty: none does.
};

/// A shard's own ways to the disk.
struct ShardStorage {
  std::unique_ptr<storage::LogWriter> log;
  std::unique_ptr<storage::LogReader> reader;
  std::unique_ptr<storage::PageFile> pages;
};

/// What the server has found the process to be short of. Any thread.
struct NodeAlarms {
  std::atomic<bool> memory{false};
  std::atomic<bool> disk{false};
};

class Shard {
 public:
  Shard(broker::ShardId own, std::vector<std::unique_ptr<Inbox>>& inboxes,
        ShardStorage storage, ShardSettings settings, const NodeAlarms& node_alarms);
  ~Shard();

  // ---- any thread ----
  /// Runs `task` on the shard's thread, within a turn.
  void post(std::function<void()> task);
  /// Takes over an accepted socket.
  void adopt(int descriptor, broker::Peer peer);
  /// Mail has come: called by senders.
  void wake();
  /// Ends run().
  void stop();
  std::size_t connection_count() const { return connection_count_.load(); }

  // ---- the shard's thread ----
  void run();
  /// Does what is ready and returns. Requires: run() is not running.
  void run_ready();
  /// Runs until `done`, which is asked after each turn. Requires: as above.
  void run_until(const std::function<bool()>& done);
  broker::ShardState& state() {
    guard_.assert_held();
    return state_;
  }
  const ShardSettings& settings() const {
    guard_.assert_held();
    return settings_;
  }
  void set_settings(ShardSettings settings) {
    guard_.assert_held();
    settings_ = std::move(settings);
    pager_.set_budget(settings_.page_out_at_bytes);
    state_.set_consumer_timeout_ms(settings_.consumer_timeout_ms);
    state_.events().set_vhost(settings_.event_vhost);
  }
  /// Calls visit(connection) for all of its connections.
  template <class Visit>
  void for_each_connection(Visit&& visit) {
    guard_.assert_held();
    for (const auto& [connection, owner] : connections_) visit(*connection);
  }
  broker::MessagePager& pager() {
    guard_.assert_held();
    return pager_;
  }
  boost::asio::io_context& context() { return context_; }

  // ---- its connections ----
  /// To be called first in every handler: sets the turn's time.
  void enter_turn();
  void flush_at_end(TcpConnection& connection) {
    guard_.assert_held();
    to_flush_.push_back(&connection);
  }
  void resume_at_end(TcpConnection& connection) {
    guard_.assert_held();
    to_resume_.push_back(&connection);
  }
  void reap_at_end(TcpConnection& connection) {
    guard_.assert_held();
    to_reap_.push_back(&connection);
  }
  /// Where sockets are read into; the content is gone with the next read.
  std::span<std::byte> scratch() {
    guard_.assert_held();
    return {scratch_.get(), scratch_size_bytes};
  }

 private:
  static constexpr std::size_t scratch_size_bytes = 64 * 1024;
  static constexpr int handlers_per_turn_max = 64;

  void end_turn();
  bool finish_round();
  void receive_mail();
  void reap();
  void check_alarms();
  void arm_timer();

  ShardGuard guard_;
  boost::asio::io_context context_;
  /// A context that has once run out of work stays stopped: it never may.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;
  boost::asio::steady_timer timer_ LEVERET_GUARDED_BY(guard_);
  Instant timer_deadline_ LEVERET_GUARDED_BY(guard_) = never;
  bool in_turn_ LEVERET_GUARDED_BY(guard_) = false;
  bool more_to_do_ LEVERET_GUARDED_BY(guard_) = false;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> connection_count_{0};
  broker::ShardId own_;
  Mailbox mailbox_ LEVERET_GUARDED_BY(guard_);
  ShardStorage storage_;
  broker::MessagePager pager_ LEVERET_GUARDED_BY(guard_);
  broker::ShardState state_ LEVERET_GUARDED_BY(guard_);
  ShardSettings settings_ LEVERET_GUARDED_BY(guard_);
  const NodeAlarms& node_alarms_;
  std::unique_ptr<std::byte[]> scratch_ LEVERET_GUARDED_BY(guard_);
  std::uint64_t last_connection_number_ LEVERET_GUARDED_BY(guard_) = 0;
  boost::unordered_flat_map<TcpConnection*, std::unique_ptr<TcpConnection>> connections_
      LEVERET_GUARDED_BY(guard_);
  std::vector<TcpConnection*> to_flush_ LEVERET_GUARDED_BY(guard_);
  std::vector<TcpConnection*> flushing_ LEVERET_GUARDED_BY(guard_);
  std::vector<TcpConnection*> to_resume_ LEVERET_GUARDED_BY(guard_);
  std::vector<TcpConnection*> resuming_ LEVERET_GUARDED_BY(guard_);
  std::vector<TcpConnection*> to_reap_ LEVERET_GUARDED_BY(guard_);
  std::vector<TcpConnection*> reaping_ LEVERET_GUARDED_BY(guard_);
  std::vector<broker::ShardMessage> mail_ LEVERET_GUARDED_BY(guard_);
};

}  // namespace leveret::server
