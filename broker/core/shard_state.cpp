#include "broker/core/shard_state.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "broker/core/classic_queue.hpp"
#include "broker/core/reply_token.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/stateful_exchanges.hpp"
#include "broker/core/stream_queue.hpp"

namespace leveret::broker {

using protocol::AmqpError;

ShardState::ShardState(ShardId own, std::uint16_t shard_count, ShardPort& port,
                       storage::LogWriter& log)
    : own_(own), shard_count_(shard_count), port_(port), log_(log) {
  if (own == ShardId{0}) controller_ = std::make_unique<TopologyController>(*this, shard_count);
}

ShardState::~ShardState() = default;

void ShardState::dispatch(ShardMessage&& message) {
  std::visit([this](auto&& alternative) { on(std::move(alternative)); }, std::move(message));
}

void ShardState::advance_timers() {
  timers_.advance(now_);
  delete_doomed_queues();
}

// ---- the end of a turn ---------------------------------------------------------------------

bool ShardState::end_turn() {
  // Delivering and confirming can make more of both on this shard (an endpoint that takes
  // messages again, say); a few rounds settle all but what is put off for fairness.
  constexpr int rounds_max = 4;
  bool finished = true;
  bool exchanges_finished = true;
  for (int round = 0; round < rounds_max; ++round) {
    finished = pump_queues();
    if (round == 0) {
      dead_letters_.publish();
      discarded_chunks_.settle_some(log_, pager_);
      if (stateful_exchanges_ != nullptr) exchanges_finished = stateful_exchanges_->work();
    }
    log_.submit();
    release_committed();
    end_endpoint_turns();
    if (dirty_queues_.empty() && ending_.empty()) break;
  }
  // What answers have led to must be in the log before other shards hear of it.
  log_.submit();
  MessageMemory::flush();
  return finished && exchanges_finished && dirty_queues_.empty() && ending_.empty() &&
         dead_letters_.empty() && discarded_chunks_.empty() && !has_committed_answers();
}

bool ShardState::pump_queues() {
  bool finished = true;
  pumping_.swap(dirty_queues_);
  for (const Slot slot : pumping_) {
    auto* queue = queues_.find(slot);
    if (queue == nullptr) continue;
    (*queue)->is_dirty_ = false;
    if (!(*queue)->pump()) {
      (*queue)->mark_dirty();
      finished = false;
    }
    if ((*queue)->is_watched_) tell_hunger(**queue);
  }
  pumping_.clear();
  delete_doomed_queues();
  return finished;
}

bool ShardState::has_committed_answers() const {
  return controller_ != nullptr && controller_->has_committed_answers();
}

void ShardState::release_committed() {
  if (controller_ != nullptr) controller_->release_committed();
  const storage::LogTicket committed = log_.committed();
  while (!uncommitted_.empty() && uncommitted_.front().ticket <= committed) {
    const Uncommitted safe = uncommitted_.front();
    uncommitted_.pop_front();
    if (Endpoint* endpoint = find_endpoint(safe.publisher)) endpoint->on_committed(safe.seq);
  }
  const storage::LogTicket written = log_.written();
  while (!unwritten_.empty() && unwritten_.front().ticket <= written) unwritten_.pop_front();
}

void ShardState::end_endpoint_turns() {
  ending_now_.swap(ending_);
  for (const Slot slot : ending_now_) {
    if (Endpoint* endpoint = find_endpoint(slot)) endpoint->on_end_of_turn();
  }
  ending_now_.clear();
}

std::size_t ShardState::drop_share() const {
  // A tenth of a millisecond or so: what comes meanwhile does not notice it.
  constexpr std::size_t shard_max = 256;
  constexpr std::size_t queue_min = 32;
  return std::max(queue_min, shard_max - std::min(dropped_count_, shard_max));
}

// ---- the log -------------------------------------------------------------------------------

std::uint64_t ShardState::new_durable_number() {
  // Each shard has every n-th number, so that no two give the same.
  const auto own = static_cast<std::uint64_t>(own_);
  std::uint64_t next = last_durable_number_ + 1;
  while (next % shard_count_ != own) ++next;
  last_durable_number_ = next;
  return next;
}

void ShardState::note_durable_number(std::uint64_t number) {
  last_durable_number_ = std::max(last_durable_number_, number);
}

void ShardState::log_message(const MessageRef& message, std::span<const std::uint64_t> queues,
                             std::optional<std::uint64_t> expiration_ms) {
  const auto parts = message->log_parts();
  storage::MessageRecord record;
  record.queues = queues;
  record.published_at_ms = static_cast<std::uint64_t>(wall_time_);
  record.expiration_ms = expiration_ms.value_or(storage::no_expiration);
  record.body_size_bytes = static_cast<std::uint32_t>(message->body_size());
  record.parts = parts;
  log_.append_message(record, message->log_place());
  unwritten_.push_back({log_.ticket(), message});
}

bool ShardState::publish(const RoutedMessage& routed) {
  // Shared by all who publish on the thread, so that logging does not allocate.
  thread_local std::vector<std::uint64_t> durable_numbers;
  durable_numbers.clear();
  for (const RouteTarget& target : routed.targets) {
    if (target.is_logged(routed.persistent)) durable_numbers.push_back(target.durable_number);
  }
  if (!durable_numbers.empty()) {
    log_message(routed.message, durable_numbers, routed.expiration_ms);
    if (routed.seq != PublishSeq{}) await_log(routed.publisher.slot, routed.seq);
  }
  bool has_room = true;
  std::uint32_t next_index = 0;
  for (const RouteTarget& target : routed.targets) {
    const bool in_log = target.is_logged(routed.persistent);
    send(target.queue.shard,
         PublishToQueue{target.queue, routed.message, routed.expiration_ms, routed.publisher,
                        routed.seq, in_log ? next_index++ : not_in_log, routed.immediate,
                        routed.mandatory});
    if (congested(target.queue.shard)) has_room = false;
  }
  return has_room;
}

// ---- queues of this shard ------------------------------------------------------------------

Queue* ShardState::find_queue(QueueRef queue) {
  auto* found = queues_.find(queue.slot);
  return found == nullptr ? nullptr : found->get();
}

Endpoint* ShardState::find_endpoint(Slot slot) {
  Endpoint** found = endpoints_.find(slot);
  return found == nullptr ? nullptr : *found;
}

Slot ShardState::reserve_queue() { return queues_.reserve(); }

Queue& ShardState::open_queue(QueueDefinitionRef definition) {
  const Slot slot = definition->ref.slot;
  if (definition->settings.type == QueueType::stream) {
    queues_.fill(slot, std::make_unique<StreamQueue>(*this, std::move(definition)));
  } else {
    queues_.fill(slot, std::make_unique<ClassicQueue>(*this, std::move(definition)));
  }
  return **queues_.find(slot);
}

void ShardState::release_queue(Slot slot) {
  if (queues_.find(slot) != nullptr) queues_.remove(slot);
}

void ShardState::reply(EndpointRef endpoint, Result<QueueCounts, QueueRefusal> outcome) {
  if (endpoint.slot.generation == 0) return;
  send(endpoint.shard, QueueReply{endpoint, QueueRef{}, ConsumerId{}, std::move(outcome)});
}

namespace {
tl::unexpected<QueueRefusal> queue_gone() {
  return tl::unexpected(QueueRefusal{true, AmqpError::not_found("the queue has gone")});
}
tl::unexpected<QueueRefusal> refused(AmqpError error) {
  return tl::unexpected(QueueRefusal{false, std::move(error)});
}
}  // namespace

void ShardState::on(PublishToQueue&& message) {
  const ChannelRef publisher = message.publisher;
  const PublishSeq seq = message.seq;
  std::optional<Verdict> verdict = Verdict::accepted;
  if (Queue* queue = find_queue(message.queue)) {
    verdict = queue->enqueue(std::move(message));
  } else if (names_exchange(message.queue)) {
    return stateful_exchanges().take(std::move(message));
  } else {
    // Deleted meanwhile: the message counts as accepted (RabbitMQ: handle_eol).
    if (message.log_index != not_in_log) {
      log_.settle(message.message->log_place(), message.log_index);
    }
    if (message.immediate) verdict = Verdict::undelivered;
  }
  if (verdict && seq != PublishSeq{}) {
    send(publisher.shard, PublishVerdict{publisher, seq, *verdict});
  }
}

void ShardState::on(PublishToExchange&& message) {
  stateful_exchanges().take(std::move(message));
}

StatefulExchanges& ShardState::stateful_exchanges() {
  if (stateful_exchanges_ == nullptr) {
    stateful_exchanges_ = std::make_unique<StatefulExchanges>(*this);
  }
  return *stateful_exchanges_;
}

void ShardState::on(const Settle& message) {
  if (Queue* queue = find_queue(message.queue)) queue->settle(message);
}

void ShardState::on(Reject&& message) {
  if (Queue* queue = find_queue(message.queue)) {
    queue->reject(std::move(message));
  } else {
    settle_in_log(message.entry);
  }
}

void ShardState::on(Requeue&& message) {
  if (Queue* queue = find_queue(message.queue)) {
    queue->put_back(std::move(message));
  } else {
    settle_in_log(message.entry);
  }
}

void ShardState::on(AddConsumer&& message) {
  const EndpointRef channel = message.consumer.channel;
  Queue* queue = find_queue(message.queue);
  if (queue == nullptr) return reply(channel, queue_gone());
  auto added = queue->add_consumer(std::move(message.consumer));
  if (!added) return reply(channel, refused(std::move(added.error())));
  send(channel.shard, QueueReply{channel, message.queue, *added, QueueCounts{}});
}

void ShardState::on(const RemoveConsumer& message) {
  if (Queue* queue = find_queue(message.queue)) queue->remove_consumer(message.consumer);
  if (!doomed_queues_.empty() && doomed_queues_.back() == message.queue.slot) {
    // It was the last one of an auto-delete queue: answered when every shard has forgotten that.
    doomed_queues_.pop_back();
    return delete_queue(message.queue.slot, message.reply_to, {});
  }
  reply(message.reply_to, QueueCounts{});
}

void ShardState::on(const UpdateConsumer& message) {
  if (Queue* queue = find_queue(message.queue)) queue->update_consumer(message);
}

void ShardState::on(const GetFromQueue& message) {
  GetReply answer{message.channel, message.queue, message.no_ack, std::nullopt, 0, {}};
  if (Queue* queue = find_queue(message.queue)) {
    answer.entry = queue->get(message.no_ack);
    answer.ready_count = queue->counts().ready_count;
    if (!message.no_ack) answer.ack_timeout = queue->ack_timeout();
  }
  send(message.channel.shard, std::move(answer));
}

void ShardState::on(const PurgeQueue& message) {
  Queue* queue = find_queue(message.queue);
  if (queue == nullptr) return reply(message.reply_to, queue_gone());
  reply(message.reply_to, QueueCounts{queue->purge(), 0});
}

void ShardState::on(const InspectQueue& message) {
  Queue* queue = find_queue(message.queue);
  if (queue == nullptr) return reply(message.reply_to, queue_gone());
  queue->touch();
  reply(message.reply_to, queue->counts());
}

void ShardState::on(const DeleteQueue& message) {
  Queue* queue = find_queue(message.queue);
  if (queue == nullptr) return reply(message.reply_to, queue_gone());
  const QueueDefinition& definition = queue->definition();
  // RabbitMQ deletes a stream whatever the flags say, and says no number.
  if (definition.settings.type == QueueType::stream) {
    return delete_queue(message.queue.slot, message.reply_to, {}, message.user);
  }
  const QueueCounts counts = queue->counts();
  const auto refuse = [&](std::string_view why) {
    reply(message.reply_to, refused(AmqpError::precondition_failed(
                                queue_resource(definition.name, definition.vhost) +
                                std::string(why))));
  };
  if (message.if_empty && counts.ready_count > 0) return refuse(" not empty");
  if (message.if_unused && counts.consumer_count > 0) return refuse(" in use");
  delete_queue(message.queue.slot, message.reply_to, counts, message.user);
}

void ShardState::delete_queue(Slot slot, EndpointRef reply_to, QueueCounts counts,
                              const std::string& user) {
  const std::unique_ptr<Queue> queue = queues_.remove(slot);
  queue->end();
  send(ShardId{0},
       TopologyRequest{reply_to, ForgetQueue{queue->definition_ref(), counts}, user});
}

void ShardState::delete_doomed_queues() {
  while (!doomed_queues_.empty()) {
    const Slot slot = doomed_queues_.back();
    doomed_queues_.pop_back();
    if (queues_.find(slot) != nullptr) delete_queue(slot, {}, {});
  }
}

// ---- endpoints of this shard ---------------------------------------------------------------

void ShardState::on(Deliver&& message) {
  if (Endpoint* endpoint = find_endpoint(message.channel.slot)) {
    endpoint->receive(std::move(message));
    return;
  }
  // The channel closed while the message was on its way, so nobody has seen it. The queue has
  // been told to forget the consumer, or will be: only the message has to go back.
  send(message.queue.shard, Requeue{message.queue, message.consumer, message.no_ack,
                                    std::move(message.entry)});
}

void ShardState::on(const PublishVerdict& message) {
  if (Endpoint* endpoint = find_endpoint(message.channel.slot)) endpoint->receive(message);
}

void ShardState::on(QueueReply&& message) {
  if (Endpoint* endpoint = find_endpoint(message.endpoint.slot)) {
    endpoint->receive(std::move(message));
  } else if (message.consumer != ConsumerId{}) {
    // The channel closed before it heard of its consumer, so it could not take it away itself.
    send(message.queue.shard, RemoveConsumer{message.queue, message.consumer, {}});
  }
}

void ShardState::on(GetReply&& message) {
  if (Endpoint* endpoint = find_endpoint(message.channel.slot)) {
    endpoint->receive(std::move(message));
  } else if (message.entry) {
    send(message.queue.shard,
         Requeue{message.queue, ConsumerId{}, message.no_ack, std::move(*message.entry)});
  }
}

void ShardState::on(const ConsumerCancelled& message) {
  if (Endpoint* endpoint = find_endpoint(message.channel.slot)) endpoint->receive(message);
}

void ShardState::on(const PublishToReply& message) {
  Endpoint* endpoint = find_endpoint(message.token.channel.slot);
  const bool delivered =
      endpoint != nullptr && endpoint->on_direct_reply(message.token, message.message);
  if (message.seq == PublishSeq{} && !message.mandatory) return;
  const bool handed_back = !delivered && message.mandatory;
  send(message.publisher.shard, ReplyVerdict{message.publisher, message.seq,
                                             handed_back ? message.message : MessageRef{}});
}

void ShardState::on(const InspectReplyTarget& message) {
  Endpoint* endpoint = find_endpoint(message.token.channel.slot);
  if (endpoint == nullptr || !endpoint->has_reply_consumer(message.token)) {
    return reply(message.reply_to, queue_gone());
  }
  reply(message.reply_to, QueueCounts{0, 1});
}

void ShardState::on(ReplyVerdict&& message) {
  Endpoint* endpoint = find_endpoint(message.channel.slot);
  if (endpoint != nullptr) endpoint->receive(std::move(message));
}

// ---- topology ------------------------------------------------------------------------------

void ShardState::on(TopologyRequest&& message) {
  LEVERET_ASSERT(controller_ != nullptr, "only shard 0 is asked to change the topology");
  controller_->on(std::move(message));
}

void ShardState::on(TopologyReply&& message) {
  // A queue opened for a declaration that found another one, or was refused, is not needed.
  if (message.reserved.slot.generation != 0 &&
      (!message.outcome || *message.outcome != message.reserved)) {
    release_queue(message.reserved.slot);
  }
  Endpoint* endpoint = find_endpoint(message.requester.slot);
  if (endpoint != nullptr) endpoint->receive(std::move(message));
}

void ShardState::on(const ApplyDelta& message) {
  const VhostRemoved* removed = nullptr;
  bool concerns_exchanges = stateful_exchanges_ != nullptr;
  for (const TopologyChange& change : *message.delta) {
    if (removed == nullptr) removed = std::get_if<VhostRemoved>(&change);
    const auto* added = std::get_if<ExchangeAdded>(&change);
    concerns_exchanges |= added != nullptr && added->definition.keeps_something();
  }
  std::vector<QueueDefinitionRef> queues;
  if (removed != nullptr) queues = topology_.queues_of(*topology_.find_vhost(removed->name));
  topology_.apply(*message.delta);
  for (const TopologyChange& change : *message.delta) {
    if (const auto* paused = std::get_if<QueuePaused>(&change)) set_paused(*paused);
  }
  if (concerns_exchanges) stateful_exchanges().on_delta(*message.delta);
  if (message.is_logged) logged_delta_ = message.number;
  if (removed != nullptr) leave_vhost(*removed, queues);
  for (const TopologyChange& change : *message.delta) {
    if (const auto* redefined = std::get_if<QueueRedefined>(&change)) redefine(*redefined);
  }
  if (own_ != ShardId{0}) send(ShardId{0}, DeltaApplied{message.number});
}

void ShardState::set_paused(const QueuePaused& change) {
  Vhost& vhost = *topology_.find_vhost(change.vhost);
  const QueueRef ref = topology_.find_queue(vhost, change.name)->definition->ref;
  if (ref.shard != own_) return;
  if (Queue* queue = find_queue(ref)) queue->set_paused(change.paused);
}

void ShardState::leave_vhost(const VhostRemoved& removed,
                             std::span<const QueueDefinitionRef> queues) {
  endpoints_.for_each([&](Endpoint* endpoint) { endpoint->receive(removed); });
  // Shard 0 has forgotten the queues; nobody else has to be told of their end.
  for (const QueueDefinitionRef& queue : queues) {
    if (queue->ref.shard != own_ || queues_.find(queue->ref.slot) == nullptr) continue;
    queues_.remove(queue->ref.slot)->end();
  }
}

void ShardState::redefine(const QueueRedefined& redefined) {
  const QueueRef ref = redefined.definition->ref;
  if (ref.shard != own_) return;
  if (Queue* queue = find_queue(ref)) queue->redefine(redefined.definition);
}

void ShardState::on(const DeltaApplied& message) { controller_->on(message); }

// ---- node-wide conditions ------------------------------------------------------------------

void ShardState::on(const ResourceAlarm& message) {
  const auto tell = [&](std::string_view resource, bool was_on, bool is_on) {
    if (was_on == is_on || own_ != ShardId{0} || !events_.is_on()) return;
    events_.publish(is_on ? "alarm.set" : "alarm.cleared",
                    Facts().text("source", resource).take());
  };
  tell("memory", alarm_.memory, message.memory);
  tell("disk", alarm_.disk, message.disk);
  alarm_ = message;
  endpoints_.for_each([&](Endpoint* endpoint) { endpoint->receive(message); });
}

void ShardState::on(const InboxDrained&) {
  std::vector<Slot> waiting;
  waiting.swap(waiting_for_inbox_);
  for (const Slot slot : waiting) {
    if (Endpoint* endpoint = find_endpoint(slot)) endpoint->on_inbox_drained();
  }
}

void ShardState::on(const Shutdown& message) {
  endpoints_.for_each([&](Endpoint* endpoint) { endpoint->receive(message); });
}

}  // namespace leveret::broker
