// Class basic on the receiving side: consumers, deliveries, acknowledgements, basic.get.

#include <algorithm>

#include "broker/core/queue_type_arguments.hpp"
#include "broker/core/reply_token.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"
#include "broker/session/delivery_count_header.hpp"
#include "broker/session/generated_name.hpp"

namespace leveret::broker {

using protocol::AmqpError;
using protocol::MethodId;
namespace basic = protocol::basic;

namespace {
// What RabbitMQ lets a consumer of a quorum queue have that has not said how much it wants.
constexpr std::uint32_t quorum_prefetch_without_qos = 2000;
}  // namespace

void Channel::on(const basic::Qos& method) {
  if (method.prefetch_size != 0) {
    return fail(AmqpError::not_implemented("prefetch_size!=0 (" +
                                           std::to_string(method.prefetch_size) + ")"),
                method.id);
  }
  if (method.global) {
    global_prefetch_ = method.prefetch_count;
    for (ChannelConsumer& consumer : consumers_) update_blocked(consumer, true);
  } else {
    consumer_prefetch_ = method.prefetch_count;
  }
  write(basic::QosOk{});
}

// ---- consumers -----------------------------------------------------------------------------

void Channel::on(const basic::Consume& method) {
  if (method.queue == reply_to_queue_name) return consume_replies(method);
  std::string name;
  if (!resolve_queue_name(method.queue, method.id, name) ||
      !allowed(connection_.check_access(Operation::read, ResourceKind::queue, name), method.id) ||
      !check_consumer_tag(method.consumer_tag, method.id)) {
    return;
  }
  auto arguments = method.arguments.decode();
  if (!arguments) return fail(arguments.error(), method.id);
  const QueueDefinition* queue = find_usable_queue(name, method.id);
  if (queue == nullptr) return;
  const auto priority = parse_consumer_arguments(*queue, *arguments);
  if (!priority) return fail(priority.error(), method.id);
  auto reading = parse_reading(*queue, method.no_ack, *arguments);
  if (!reading) return fail(reading.error(), method.id);
  const bool is_quorum = queue->settings.type == QueueType::quorum;
  if (is_quorum && global_prefetch_ != 0) {
    return fail(AmqpError::not_implemented(queue_resource(queue->name, queue->vhost) +
                                           " does not support global qos"),
                method.id);
  }

  ChannelConsumer consumer;
  consumer.tag = method.consumer_tag.empty() ? generated_name("amq.ctag-")
                                             : std::string(method.consumer_tag);
  consumer.key = ConsumerKey{++last_consumer_key_};
  consumer.queue = queue->ref;
  consumer.credit_limit = method.no_ack ? 0 : consumer_prefetch_;
  if (is_quorum && !method.no_ack && consumer.credit_limit == 0) {
    consumer.credit_limit = quorum_prefetch_without_qos;
  }
  consumer.no_ack = method.no_ack;
  if (shard().events().is_on()) consumer.queue_name = queue->name;
  if (*reading != nullptr) consumer.stream_mark = Message::create("", "", {}, 0);
  // A quorum queue has no exclusive consumers, and RabbitMQ does not mind who asks to be one.
  consume(*queue, std::move(consumer),
          {method.exclusive && !is_quorum, *priority, std::move(*reading)},
          {method.exclusive, consumer_prefetch_, std::move(*arguments)}, method.nowait);
}

bool Channel::check_consumer_tag(std::string_view tag, MethodId method) {
  const std::uint32_t consumers_max = connection_.settings().consumers_per_channel_max;
  if (consumers_max != 0 && consumers_.size() >= consumers_max) {
    fail(AmqpError::not_allowed("reached maximum (" + std::to_string(consumers_max) +
                                ") of consumers per channel"),
         method);
    return false;
  }
  const bool used =
      (reply_consumer_ && reply_consumer_->tag == tag) ||
      std::any_of(consumers_.begin(), consumers_.end(),
                  [&](const ChannelConsumer& consumer) { return consumer.tag == tag; });
  if (!used || tag.empty()) return true;
  fail(AmqpError::not_allowed("attempt to reuse consumer tag '" + std::string(tag) + "'"), method);
  return false;
}

Result<std::int32_t, AmqpError> Channel::parse_consumer_arguments(
    const QueueDefinition& queue, const protocol::FieldTable& arguments) {
  const auto refuse = [&](std::string_view argument, const std::string& why) {
    return tl::unexpected(AmqpError::precondition_failed(
        "invalid arg '" + std::string(argument) + "' for " +
        queue_resource(queue.name, queue.vhost) + why));
  };
  const bool is_stream = queue.settings.type == QueueType::stream;
  const auto refuse_for_type = [&](std::string_view argument) {
    return refuse(argument, " of queue type " + std::string(type_module(queue.settings.type)));
  };
  for (const std::string_view name : arguments_of_stream_readers) {
    if (!is_stream && arguments.find(name) != nullptr) return refuse_for_type(name);
  }
  const protocol::FieldValue* value = arguments.find("x-priority");
  if (value == nullptr) return 0;
  if (is_stream) return refuse_for_type("x-priority");
  const auto priority = value->as_integer();
  if (!priority) {
    return refuse("x-priority", ": \"expected integer, got " +
                                    std::string(type_name(value->type())) + "\"");
  }
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(*priority, INT32_MIN, INT32_MAX));
}

void Channel::consume(const QueueDefinition& queue, ChannelConsumer consumer,
                      ConsumerTerms terms, ConsumerRequest request, bool nowait) {
  consumer.blocked = outbox_full_;
  Consumer wanted;
  wanted.channel = ref();
  wanted.key = consumer.key;
  wanted.priority = terms.priority;
  wanted.credit_limit = effective_credit_limit(consumer);
  wanted.no_ack = consumer.no_ack;
  wanted.exclusive = terms.exclusive;
  wanted.reading = std::move(terms.reading);
  wanted.blocked = consumer.blocked;
  const QueueRef queue_ref = queue.ref;
  if (!shard().events().is_on()) request = {};
  ask([this, consumer = std::move(consumer), request = std::move(request), name = queue.name,
       nowait](QueueReply&& reply) {
    if (!reply.outcome) {
      return fail(reply.outcome.error().gone
                      ? AmqpError::not_found("no " + queue_resource(name, connection_.vhost_name()))
                      : reply.outcome.error().error,
                  basic::Consume::id);
    }
    consumers_.push_back(consumer);
    consumers_.back().id = reply.consumer;
    if (!nowait) write(basic::ConsumeOk{consumer.tag});
    tell_consumer_created(consumers_.back(), request);
    // What held deliveries back may have changed while the queue was asked.
    update_blocked(consumers_.back(), false);
  });
  shard().send(queue_ref.shard, AddConsumer{queue_ref, std::move(wanted)});
}

void Channel::on(const basic::Cancel& method) {
  const std::string tag(method.consumer_tag);
  if (reply_consumer_ && reply_consumer_->tag == tag) {
    reply_consumer_.reset();
    return end_cancel(tag, method.nowait);
  }
  const auto place =
      std::find_if(consumers_.begin(), consumers_.end(),
                   [&](const ChannelConsumer& consumer) { return consumer.tag == tag; });
  // Cancelling what is not there succeeds.
  if (place == consumers_.end()) return end_cancel(tag, method.nowait);
  const ChannelConsumer cancelled = *place;
  // The consumer stays known until the queue has answered: deliveries on their way still count,
  // and cancel-ok comes after the last of them.
  ask([this, cancelled, nowait = method.nowait](QueueReply&&) {
    std::erase_if(consumers_, [&](const ChannelConsumer& consumer) {
      return consumer.key == cancelled.key;
    });
    end_cancel(cancelled.tag, nowait);
    tell_consumer_deleted(cancelled, connection_.user());
  });
  shard().send(cancelled.queue.shard, RemoveConsumer{cancelled.queue, cancelled.id, ref()});
}

void Channel::end_cancel(const std::string& tag, bool nowait) {
  if (!nowait) write(basic::CancelOk{tag});
}

void Channel::receive(const ConsumerCancelled& message) {
  // A channel of RabbitMQ does one thing at a time: who deletes the queue that he consumes from
  // gets delete-ok, then the cancel. py-amqp raises the cancel as an error from within the
  // deletion otherwise, and oslo.messaging then leaves its connection and its consumers behind.
  if (awaits_answer()) return lost_while_asking_.push_back(message.consumer_key);
  lose_consumer(message.consumer_key);
}

void Channel::lose_consumer(ConsumerKey key) {
  const ChannelConsumer* consumer = find_consumer(key);
  if (consumer == nullptr) return;
  const std::string tag = consumer->tag;
  tell_consumer_deleted(*consumer, EventExchange::broker_user);
  std::erase_if(consumers_, [&](const ChannelConsumer& other) { return other.key == key; });
  // RabbitMQ tells only clients that have said they understand it.
  if (connection_.wants_cancel_notify()) write(basic::Cancel{tag, true});
}

Channel::ChannelConsumer* Channel::find_consumer(ConsumerKey key) {
  const auto place = std::lower_bound(
      consumers_.begin(), consumers_.end(), key,
      [](const ChannelConsumer& consumer, ConsumerKey wanted) { return consumer.key < wanted; });
  return place != consumers_.end() && place->key == key ? &*place : nullptr;
}

// ---- direct reply-to -----------------------------------------------------------------------

void Channel::consume_replies(const basic::Consume& method) {
  if (reply_consumer_) {
    return fail(AmqpError::precondition_failed("reply consumer already set"), method.id);
  }
  if (!check_consumer_tag(method.consumer_tag, method.id)) return;
  if (!method.no_ack) {
    return fail(AmqpError::precondition_failed("reply consumer cannot acknowledge"), method.id);
  }
  reply_consumer_ = std::make_unique<ReplyConsumer>();
  reply_consumer_->tag = method.consumer_tag.empty() ? generated_name("amq.ctag-")
                                                     : std::string(method.consumer_tag);
  reply_consumer_->token = ReplyToken::generate(ref());
  reply_consumer_->queue_name = reply_consumer_->token.queue_name();
  if (!method.nowait) write(basic::ConsumeOk{reply_consumer_->tag});
}

bool Channel::has_reply_consumer(const ReplyToken& token) const {
  return reply_consumer_ && reply_consumer_->token == token;
}

bool Channel::on_direct_reply(const ReplyToken& token, const MessageRef& message) {
  if (!has_reply_consumer(token) || connection_.refuses_replies()) return false;
  basic::Deliver method;
  method.consumer_tag = reply_consumer_->tag;
  method.delivery_tag = ledger_.next_tag();
  method.exchange = message->exchange();
  method.routing_key = message->routing_key();
  connection_.write_content(number_, method, message);
  return true;
}

// ---- deliveries ----------------------------------------------------------------------------

void Channel::receive(Deliver&& message) {
  const ChannelConsumer* consumer = find_consumer(message.consumer_key);
  const bool refused = consumer == nullptr || (!message.no_ack && global_limit_reached() &&
                                               consumer->stream_mark == nullptr);
  if (refused) {
    global_full_ |= consumer != nullptr;
    requeue(message.queue, message.consumer, message.no_ack, std::move(message.entry),
            ReturnReason::not_seen);
    if (consumer != nullptr) update_all_blocked();
    return;
  }
  basic::Deliver method;
  method.consumer_tag = consumer->tag;
  method.delivery_tag = ledger_.next_tag();
  method.redelivered = message.entry.redelivered;
  method.exchange = message.entry.message->exchange();
  method.routing_key = message.entry.message->routing_key();
  if (shard().topology().has_traced_vhosts()) tell_firehose(message.entry, message.queue);
  if (message.entry.is_counted && message.entry.delivery_count > 0) {
    write_counted(method, message.entry);
  } else {
    connection_.write_content(number_, method, message.entry.message);
  }
  // It never comes back, and a reader's prefetch may be large.
  if (consumer->stream_mark != nullptr) message.entry.message = consumer->stream_mark;
  note_delivered(method.delivery_tag, message.no_ack, message.queue, message.consumer,
                 std::move(message.entry));
  if (message.ack_timeout.duration_ms > 0) {
    watch_delivery(method.delivery_tag, message.ack_timeout);
  }
}

/// The message with the header that says how often it has come back.
template <class Method>
void Channel::write_counted(const Method& method, const QueueEntry& entry) {
  const auto properties =
      with_delivery_count(entry.message->properties(), entry.delivery_count);
  connection_.write_content(number_, method, entry.message, properties);
}

void Channel::note_delivered(std::uint64_t delivery_tag, bool no_ack, QueueRef queue,
                             ConsumerId consumer, QueueEntry entry) {
  if (no_ack) return shard().settle_in_log(entry);
  shard().mark_delivered_in_log(entry);
  ledger_.add({delivery_tag, queue, consumer, std::move(entry)});
}

void Channel::on(const basic::Get& method) {
  std::string name;
  if (method.queue == reply_to_queue_name) {
    return fail(AmqpError::not_implemented("basic.get not supported by volatile " +
                                           queue_resource(method.queue, connection_.vhost_name())),
                method.id);
  }
  if (!resolve_queue_name(method.queue, method.id, name) ||
      !allowed(connection_.check_access(Operation::read, ResourceKind::queue, name), method.id)) {
    return;
  }
  const QueueDefinition* queue = find_usable_queue(name, method.id);
  if (queue == nullptr || refused_by_stream(*queue, "basic.get", method.id)) return;
  if (queue->settings.type == QueueType::quorum && queue->settings.single_active_consumer) {
    return fail(AmqpError::resource_locked(
                    "cannot obtain access to locked " + queue_resource(queue->name, queue->vhost) +
                    ". basic.get operations are not supported by quorum queues with single active "
                    "consumer"),
                method.id);
  }
  getting_ = true;
  connection_.begin_wait();
  shard().send(queue->ref.shard, GetFromQueue{queue->ref, ref(), method.no_ack});
}

void Channel::receive(GetReply&& message) {
  getting_ = false;
  if (message.entry) {
    basic::GetOk method;
    method.delivery_tag = ledger_.next_tag();
    method.redelivered = message.entry->redelivered;
    method.exchange = message.entry->message->exchange();
    method.routing_key = message.entry->message->routing_key();
    method.message_count = static_cast<std::uint32_t>(message.ready_count);
    if (shard().topology().has_traced_vhosts()) tell_firehose(*message.entry, message.queue);
    // RabbitMQ shows here also that it has never come back.
    if (message.entry->is_counted) {
      write_counted(method, *message.entry);
    } else {
      connection_.write_content(number_, method, message.entry->message);
    }
    note_delivered(method.delivery_tag, message.no_ack, message.queue, ConsumerId{},
                   std::move(*message.entry));
    if (message.ack_timeout.duration_ms > 0) {
      watch_delivery(method.delivery_tag, message.ack_timeout);
    }
  } else {
    write(basic::GetEmpty{});
  }
  connection_.end_wait();
}

void Channel::requeue(QueueRef queue, ConsumerId consumer, bool no_ack, QueueEntry entry,
                      ReturnReason reason) {
  shard().send(queue.shard, Requeue{queue, consumer, no_ack, std::move(entry), reason});
}

// ---- credit --------------------------------------------------------------------------------

bool Channel::global_limit_reached() const {
  if (global_prefetch_ == 0) return false;
  // As in RabbitMQ: what was fetched by basic.get takes no one's place, and an acknowledgement
  // that is not committed frees none.
  const std::size_t settled_count = transaction_ ? transaction_->settled_consumed_count : 0;
  return ledger_.consumed_count() + settled_count >= global_prefetch_;
}

std::uint32_t Channel::effective_credit_limit(const ChannelConsumer& consumer) const {
  // Under a shared limit no single consumer can use more than all of it: told to the queue, this
  // bounds what is on its way when the shared limit is found exhausted here.
  if (consumer.no_ack || global_prefetch_ == 0) return consumer.credit_limit;
  return consumer.credit_limit == 0
             ? global_prefetch_
             : std::min<std::uint32_t>(consumer.credit_limit, global_prefetch_);
}

void Channel::update_blocked(ChannelConsumer& consumer, bool limit_changed) {
  if (consumer.id == ConsumerId{}) return;
  const bool blocked =
      connection_.outbox_full() || (!consumer.no_ack && global_full_ && global_limit_reached());
  if (blocked == consumer.blocked && !limit_changed) return;
  consumer.blocked = blocked;
  shard().send(consumer.queue.shard, UpdateConsumer{consumer.queue, consumer.id,
                                                    effective_credit_limit(consumer), blocked});
}

void Channel::update_all_blocked() {
  for (ChannelConsumer& consumer : consumers_) update_blocked(consumer, false);
}

// ---- settling ------------------------------------------------------------------------------

void Channel::on(const basic::Ack& method) {
  settle_tag(method.delivery_tag, method.multiple, Settlement::acknowledge, method.id);
}
void Channel::on(const basic::Nack& method) {
  settle_tag(method.delivery_tag, method.multiple,
             method.requeue ? Settlement::requeue : Settlement::reject, method.id);
}
void Channel::on(const basic::Reject& method) {
  settle_tag(method.delivery_tag, false,
             method.requeue ? Settlement::requeue : Settlement::reject, method.id);
}

void Channel::settle_tag(std::uint64_t tag, bool multiple, Settlement settlement,
                         MethodId method) {
  const bool all = multiple && tag == 0;
  // It was taken back for want of an acknowledgement, and the client does not know that yet.
  const bool is_taken_back =
      ack_timeouts_ && ack_timeouts_->forgive(all ? UINT64_MAX : tag, multiple);
  if (is_taken_back && !multiple) return;
  if (!all && !is_taken_back && !ledger_.contains(tag)) {
    return fail(AmqpError::precondition_failed("unknown delivery tag " + std::to_string(tag)),
                method);
  }
  const auto settle = [&](Unsettled&& delivery) {
    if (transaction_) {
      if (delivery.consumer != ConsumerId{}) ++transaction_->settled_consumed_count;
      transaction_->settlements.push_back({std::move(delivery), settlement});
    } else {
      settle_delivery(std::move(delivery), settlement);
    }
  };
  if (all) {
    ledger_.take_all(settle);
  } else if (multiple) {
    ledger_.take_up_to(tag, settle);
  } else {
    settle(ledger_.take(tag));
  }
  note_room();
}

void Channel::note_room() {
  if (!global_full_ || global_limit_reached()) return;
  global_full_ = false;
  update_all_blocked();
}

void Channel::settle_delivery(Unsettled&& delivery, Settlement settlement) {
  const ShardId home = delivery.queue.shard;
  switch (settlement) {
    case Settlement::reject:
      // A policy may have said so after it was delivered; then the queue knows.
      if (delivery.entry.is_dead_lettered || shard().topology().has_late_dead_lettering()) {
        shard().send(home, Reject{delivery.queue, delivery.consumer, std::move(delivery.entry)});
        break;
      }
      [[fallthrough]];  // Nothing becomes of it: it is done with like an acknowledged one.
    case Settlement::acknowledge:
      shard().settle_in_log(delivery.entry);
      shard().send(home, Settle{delivery.queue, delivery.consumer, delivery.entry.position,
                                delivery.entry.message->body_size()});
      break;
    case Settlement::requeue:
    case Settlement::lose:
      delivery.entry.redelivered = true;
      requeue(delivery.queue, delivery.consumer, false, std::move(delivery.entry),
              settlement == Settlement::lose ? ReturnReason::lost : ReturnReason::given_back);
      break;
  }
}

void Channel::on(const basic::Recover& method) {
  if (recover(method.requeue, method.id)) write(basic::RecoverOk{});
}

void Channel::on(const basic::RecoverAsync& method) { recover(method.requeue, method.id); }

bool Channel::recover(bool requeue_them, MethodId method) {
  if (!requeue_them) {
    fail(AmqpError::not_implemented("requeue=false"), method);
    return false;
  }
  ledger_.take_all([&](Unsettled&& delivery) {
    settle_delivery(std::move(delivery), Settlement::requeue);
  });
  note_room();
  return true;
}

}  // namespace leveret::broker
