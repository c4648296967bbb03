/// An exchange that keeps something, at its home: it remembers messages for those who bind later,
/// holds back those whose time has not come, and drops those that it has seen before.
///
/// A persistent message for a durable one is in the log with a reference of the exchange's own from
/// the moment it is published, as if the exchange were a queue. Marked as delivered, the reference
/// says that the message has come here, and is held back or remembered; it is settled in the frame
/// in which the message goes on, or when it is forgotten. Header values that were seen are small
/// records with such a reference.
///
/// Owner: one StatefulExchanges.   Thread: its home shard.
/// Spec:  plugins rabbitmq_recent_history_exchange, rabbitmq_delayed_message_exchange and
///        rabbitmq_message_deduplication.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "broker/core/chunked_fifo.hpp"
#include "broker/core/deduplication_window.hpp"
#include "broker/core/delayed_messages.hpp"
#include "broker/core/routable_message.hpp"
#include "broker/core/shard_message.hpp"
#include "broker/core/stateful_settings.hpp"
#include "broker/core/timer_queue.hpp"
#include "broker/core/topology.hpp"
#include "storage/recovery.hpp"

namespace leveret::broker {

class ShardState;
class StatefulExchanges;

/// A message that has come to an exchange.
struct ArrivedMessage {
  PublishToQueue publish;
  std::vector<StatefulExchangeId> passed;
  StatefulRouteId route{};
  std::optional<WallTime> published_at;  ///< When that was not just now.
};

/// How much may be done in a turn yet.
class TurnShare {
 public:
  explicit TurnShare(std::uint64_t bytes) : left_bytes_(bytes) {}
  bool is_spent() const { return left_bytes_ == 0; }
  void spend(const Message& message) { spend_bytes(message.body_size() + message_cost_bytes); }
  void spend_all() { left_bytes_ = 0; }

 private:
  static constexpr std::uint64_t message_cost_bytes = 1024;
  void spend_bytes(std::uint64_t bytes) { left_bytes_ -= std::min(bytes, left_bytes_); }
  std::uint64_t left_bytes_;
};

class StatefulExchange final : private Timer {
 public:
  /// `shard` and `all` must outlive it. Requires: the definition says what is kept.
  StatefulExchange(ShardState& shard, StatefulExchanges& all, ExchangeDefinition definition);

  const ExchangeDefinition& definition() const { return definition_; }

  /// Takes a message. What has come before goes before.
  void take(ArrivedMessage&& arrived);
  /// A binding has been added: its destination gets what is remembered.
  void replay_to(const BindingDefinition& binding);
  /// Goes on with what has been put off or has become due, as far as `share` allows. False: there
  /// is more.
  bool work(TurnShare& share);
  /// Takes what the log has kept for it, at the start, in the log's order; null: it is damaged.
  /// Requires: the shard has a pager.
  void recover(const storage::LiveReference& reference, const MessageRef& message);
  /// The exchange has gone, and with it all that it kept.
  void end();

  // ---- what operators may want to know ----
  std::size_t delayed_count() const { return delayed_.size(); }
  /// `never` when nothing is held back.
  Instant next_due() const { return delayed_.next_due(); }
  std::size_t history_count() const { return history_.size(); }
  std::size_t seen_count() const { return window_ ? window_->size() : 0; }
  /// Messages that were dropped because they had been seen before.
  std::uint64_t duplicate_count() const { return duplicate_count_; }

 private:
  friend class StatefulExchanges;

  /// A message that is remembered.
  struct Remembered {
    MessageRef message;
    std::uint32_t log_index = not_in_log;
  };
  /// What a new binding is still to get.
  struct Replay {
    BindingDefinition binding;
    std::deque<MessageRef> messages;
  };

  void on_timer(Instant now) override;
  bool has_come_already(const ArrivedMessage& arrived);
  void handle(ArrivedMessage&& arrived);
  bool is_duplicate(const RoutableMessage& read);
  bool hold_back(const ArrivedMessage& arrived, const RoutableMessage& read);
  Instant due_after(std::uint64_t delay_ms, WallTime published_at) const;
  bool route_on(const ArrivedMessage& arrived, const RoutableMessage& read);
  bool remembers(const RoutableMessage& read) const;
  void remember(Remembered one);
  bool replay_next();
  bool publish_due(TurnShare& share);
  bool publish_delayed(const DelayedMessage& delayed);
  void settle(const storage::LogPlace& place, std::uint32_t log_index);
  void mark_held(const MessageRef& message, std::uint32_t log_index);
  bool has_work() const;
  void arm_timer();

  ShardState& shard_;
  StatefulExchanges& all_;
  const ExchangeDefinition definition_;
  const StatefulSettings settings_;
  std::deque<Remembered> history_;  ///< The oldest first.
  DelayedMessages delayed_;
  std::optional<DeduplicationWindow> window_;
  std::deque<Replay> replays_;
  /// What came while older messages, or replays, were not done with.
  ChunkedFifo<ArrivedMessage> waiting_;
  std::uint64_t duplicate_count_ = 0;
  /// Of what has come by way of other exchanges, the latest, and in their order.
  boost::unordered_flat_set<StatefulRouteId> seen_routes_;
  ChunkedFifo<StatefulRouteId> seen_routes_in_order_;
  bool is_busy_ = false;  ///< work() will be called.
};

}  // namespace leveret::broker
