/// All that one shard owns, and the order of its turn.
///
/// A turn: the shell calls begin_turn(), hands in what has arrived (bytes by way of sessions,
/// messages of other shards by dispatch()), and calls end_turn() once. Then it flushes mailboxes
/// and sockets. Within a turn queues only gather; they deliver at its end.
///
/// Owner:  one thread of the shell.   Thread: that thread; takes no lock.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "broker/core/dead_letters.hpp"
#include "broker/core/discarded_chunks.hpp"
#include "broker/core/endpoint.hpp"
#include "broker/core/event_exchange.hpp"
#include "broker/core/message_pager.hpp"
#include "broker/core/queue.hpp"
#include "broker/core/shard_message.hpp"
#include "broker/core/shard_port.hpp"
#include "broker/core/slot_map.hpp"
#include "broker/core/timer_queue.hpp"
#include "broker/core/topology.hpp"
#include "broker/core/topology_controller.hpp"
#include "broker/core/topology_observer.hpp"
#include "storage/log.hpp"

namespace leveret::broker {

class StatefulExchanges;

/// A message, and where it goes.
struct RoutedMessage {
  const MessageRef& message;
  std::span<const RouteTarget> targets;
  bool persistent = false;
  std::optional<std::uint64_t> expiration_ms;
  ChannelRef publisher;
  PublishSeq seq{};  ///< 0: nobody wants a verdict.
  bool immediate = false;
  /// As PublishToQueue has it; only of messages that go to exchanges alone.
  bool mandatory = false;

  /// Whether the log has to keep it for any of the queues.
  bool is_logged() const {
    return std::ranges::any_of(
        targets, [this](const RouteTarget& target) { return target.is_logged(persistent); });
  }
};

class ShardState {
 public:
  /// Shard 0 of `shard_count` is the one that decides about the topology.
  ShardState(ShardId own, std::uint16_t shard_count, ShardPort& port, storage::LogWriter& log);
  ~ShardState();
  ShardState(const ShardState&) = delete;
  ShardState& operator=(const ShardState&) = delete;

  // ---- what the shell calls ----
  void begin_turn(Instant now, WallTime wall_time = {}) {
    now_ = now;
    wall_time_ = wall_time;
    dropped_count_ = 0;
  }
  void dispatch(ShardMessage&& message);
  /// Fires what is due.
  void advance_timers();
  /// Pumps queues, hands over the log's batch, gives verdicts, ends the endpoints' turns.
  /// False when work was put off for fairness: another turn should follow without sleep.
  bool end_turn();
  /// Moves a bounded part of long queues out of memory, when the node's messages take too much of
  /// it. To be called once a turn, when its output has left. True: there is more to do at once.
  bool page_out() { return pager_ != nullptr && !alarm_.disk && pager_->page_out(now_); }
  /// Long queues may leave memory from now on. The pager must outlive the queues.
  void set_pager(MessagePager& pager) { pager_ = &pager; }
  /// The observer of queues that are watched; it must outlive the shard's state.
  void set_queue_observer(QueueObserver& observer) { queue_observer_ = &observer; }
  /// The observer is told of this queue's hunger from now on, or no longer. It takes a queue that
  /// is watched anew for one that is not hungry. Nothing happens when the queue has gone.
  void watch_queue(QueueRef queue, bool is_watched);
  /// Calls visit(queue) for all queues of this shard.
  template <class Visit>
  void for_each_queue(Visit&& visit) {
    queues_.for_each([&](const std::unique_ptr<Queue>& queue) { visit(*queue); });
  }
  /// Adds a message to a queue of this shard, at the start, that the log has kept. Requires: a
  /// pager; its end_recovery() is called after the last one.
  void recover(QueueRef queue, const RecoveredEntry& entry) { find_queue(queue)->recover(entry); }

  // ---- what sessions and queues call ----
  ShardId own() const { return own_; }
  std::uint16_t shard_count() const { return shard_count_; }
  Instant now() const { return now_; }
  WallTime wall_time() const { return wall_time_; }
  TimerQueue& timers() { return timers_; }
  Topology& topology() { return topology_; }
  /// Only on shard 0.
  TopologyController& controller() { return *controller_; }
  /// Whether the log has what this shard knows of the topology. If not, AwaitDefinitions asks
  /// shard 0 to tell.
  bool definitions_are_committed() const {
    return controller_ != nullptr ? controller_->is_committed()
                                  : committed_delta_ >= logged_delta_;
  }
  const ResourceAlarm& alarm() const { return alarm_; }
  /// How long any delivery may stay unacknowledged; 0 is no limit. For those from now on.
  std::uint64_t consumer_timeout_ms() const { return consumer_timeout_ms_; }
  void set_consumer_timeout_ms(std::uint64_t timeout_ms) { consumer_timeout_ms_ = timeout_ms; }
  bool congested(ShardId shard) { return shard != own_ && port_.congested(shard); }

  /// Says something to a shard: at once by a call when it is this one, otherwise by mailbox.
  template <class M>
  void send(ShardId to, M message) {
    if (to == own_) {
      on(std::move(message));
    } else {
      port_.post(to, ShardMessage(std::move(message)));
    }
  }

  Slot add_endpoint(Endpoint& endpoint) { return endpoints_.insert(&endpoint); }
  /// An endpoint that nobody else owns goes with its owner: when it is removed, or with the shard.
  Slot add_endpoint(Endpoint& endpoint, std::shared_ptr<const void> owner) {
    const Slot slot = endpoints_.insert(&endpoint);
    endpoint_owners_.emplace(slot.index, std::move(owner));
    return slot;
  }
  void remove_endpoint(Slot slot) {
    endpoints_.remove(slot);
    if (!endpoint_owners_.empty()) endpoint_owners_.erase(slot.index);
  }
  EndpointRef endpoint_ref(Slot slot) const { return {own_, slot}; }
  /// on_end_of_turn() is called for the endpoint before the turn is over.
  void request_end_of_turn(Slot endpoint) { ending_.push_back(endpoint); }
  /// on_inbox_drained() is called for the endpoint when some inbox has room again.
  void wait_for_inbox(Slot endpoint) { waiting_for_inbox_.push_back(endpoint); }
  /// Keeps a place for a queue that is about to be declared, homed here.
  Slot reserve_queue();
  /// Fills a reserved place. The queue can take messages from now on.
  Queue& open_queue(QueueDefinitionRef definition);
  /// Gives a reserved place back, if it is still there.
  void release_queue(Slot slot);
  std::size_t queue_count() const { return queues_.size(); }
  /// Whether a queue that was homed here is still there.
  bool has_queue(QueueRef queue) { return queues_.find(queue.slot) != nullptr; }

  // ---- the log ----
  /// A number for a durable queue that is about to be declared. Never given again.
  std::uint64_t new_durable_number();
  /// The highest number that is known to be in use.
  void note_durable_number(std::uint64_t number);
  /// Appends a message for the durable queues of these numbers.
  void log_message(const MessageRef& message, std::span<const std::uint64_t> queues,
                   std::optional<std::uint64_t> expiration_ms);
  /// The queue's copy of the message is done with.
  void settle_in_log(const QueueEntry& entry) {
    if (entry.log_index != not_in_log) log_.settle(entry.message->log_place(), entry.log_index);
  }
  /// Somebody has seen the message, and may give it back.
  void mark_delivered_in_log(const QueueEntry& entry) {
    if (entry.log_index == not_in_log || (entry.redelivered && !entry.is_counted)) return;
    // Of what has been counted the log knows that it came back: it has to hear that it went again.
    if (entry.delivery_count > 0) return mark_returned_in_log(entry, true);
    log_.mark_delivered(entry.message->log_place(), entry.log_index);
  }
  /// The message has come back as often as it says, and is out again or not.
  void mark_returned_in_log(const QueueEntry& entry, bool is_out) {
    if (entry.log_index == not_in_log) return;
    log_.mark_returned(entry.message->log_place(), entry.log_index,
                       {entry.delivery_count, is_out});
  }
  /// on_committed(seq) is called for the endpoint when all that this shard has logged is safe.
  void await_log(Slot endpoint, PublishSeq seq) {
    uncommitted_.push_back({log_.awaited_ticket(), endpoint, seq});
  }
  storage::LogWriter& log() { return log_; }

  /// Hands a message to the queues it was routed to, and to the log what has to be kept of it.
  /// False: a shard that has got some of it is behind; wait_for_inbox() tells when it is not.
  bool publish(const RoutedMessage& routed);

  // ---- what queues call ----
  /// Null when queues stay in memory.
  MessagePager* pager() { return pager_; }
  DeadLetters& dead_letters() { return dead_letters_; }
  EventExchange& events() { return events_; }
  /// Takes what streams have forgotten and the log has to hear of.
  DiscardedChunks& discarded_chunks() { return discarded_chunks_; }
  /// How many expired messages a queue may drop now before others have their turn. Together they
  /// have a share of the turn, and each one a little of its own.
  std::size_t drop_share() const;
  void note_dropped(std::size_t count) { dropped_count_ += count; }
  /// Exchanges that keep something and have their home here.
  StatefulExchanges& stateful_exchanges();
  void pump_later(QueueRef queue) { dirty_queues_.push_back(queue.slot); }
  /// Deletes a queue of this shard once the present call is over.
  void delete_later(QueueRef queue) { doomed_queues_.push_back(queue.slot); }

 private:
  void on(PublishToQueue&& message);
  void on(PublishToExchange&& message);
  void on(const Settle& message);
  void on(Reject&& message);
  void on(Requeue&& message);
  void on(AddConsumer&& message);
  void on(const RemoveConsumer& message);
  void on(const UpdateConsumer& message);
  void on(const GetFromQueue& message);
  void on(const PurgeQueue& message);
  void on(const InspectQueue& message);
  void on(const DeleteQueue& message);
  void on(Deliver&& message);
  void on(const PublishVerdict& message);
  void on(QueueReply&& message);
  void on(GetReply&& message);
  void on(const ConsumerCancelled& message);
  void on(const PublishToReply& message);
  void on(const InspectReplyTarget& message);
  void on(ReplyVerdict&& message);
  void on(TopologyRequest&& message);
  void on(TopologyReply&& message);
  void on(const ApplyDelta& message);
  void on(const DeltaApplied& message);
  void on(const DeltaCommitted& message) { committed_delta_ = message.number; }
  void on(const ResourceAlarm& message);
  void on(const InboxDrained& message);
  void on(const Shutdown& message);

  Queue* find_queue(QueueRef queue);
  Endpoint* find_endpoint(Slot slot);
  void reply(EndpointRef endpoint, Result<QueueCounts, QueueRefusal> outcome);
  void delete_queue(Slot slot, EndpointRef reply_to, QueueCounts counts,
                    const std::string& user = {});
  void delete_doomed_queues();
  bool pump_queues();
  void tell_hunger(Queue& queue);
  void release_committed();
  bool has_committed_answers() const;
  void end_endpoint_turns();
  void redefine(const QueueRedefined& redefined);
  void set_paused(const QueuePaused& change);
  void leave_vhost(const VhostRemoved& removed, std::span<const QueueDefinitionRef> queues);

  const ShardId own_;
  const std::uint16_t shard_count_;
  ShardPort& port_;
  storage::LogWriter& log_;
  Instant now_{};
  WallTime wall_time_{};
  std::size_t dropped_count_ = 0;  ///< By all queues in this turn.
  TimerQueue timers_;
  Topology topology_;
  std::unique_ptr<TopologyController> controller_;
  std::uint64_t logged_delta_ = 0, committed_delta_ = 0;  ///< The last ones known.
  SlotMap<std::unique_ptr<Queue>> queues_;
  SlotMap<Endpoint*> endpoints_;
  boost::unordered_flat_map<std::uint32_t, std::shared_ptr<const void>> endpoint_owners_;
  std::vector<Slot> dirty_queues_, pumping_;
  std::vector<Slot> doomed_queues_;
  std::vector<Slot> ending_, ending_now_;
  std::vector<Slot> waiting_for_inbox_;
  struct Uncommitted {
    storage::LogTicket ticket;
    Slot publisher;
    PublishSeq seq;
  };
  std::deque<Uncommitted> uncommitted_;
  /// What the log refers to until it has written it.
  struct Unwritten {
    storage::LogTicket ticket;
    MessageRef message;
  };
  std::deque<Unwritten> unwritten_;
  DeadLetters dead_letters_{*this};
  EventExchange events_{*this};
  DiscardedChunks discarded_chunks_;
  std::uint64_t last_durable_number_ = 0;
  ResourceAlarm alarm_;
  std::uint64_t consumer_timeout_ms_ = 0;
  MessagePager* pager_ = nullptr;
  QueueObserver* queue_observer_ = nullptr;
  std::unique_ptr<StatefulExchanges> stateful_exchanges_;  ///< Null until somebody needs it.
};

}  // namespace leveret::broker
