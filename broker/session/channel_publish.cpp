// basic.publish: from the last body frame to the queues; confirms and transactions.

#include <algorithm>

#include "broker/core/firehose.hpp"
#include "broker/core/message_expiration.hpp"
#include "broker/core/reply_token.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/stateful_exchanges.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"
#include "protocol/basic_properties.hpp"

namespace leveret::broker {

using protocol::AmqpError;
namespace basic = protocol::basic;

namespace {
constexpr std::uint8_t transient_delivery_mode = 1;
constexpr std::uint8_t persistent_delivery_mode = 2;
}  // namespace

void Channel::on(const basic::Publish& method) {
  if (!assembler_) assembler_ = std::make_unique<PublishAssembler>();
  assembler_->start(method);
}

void Channel::finish_publish() {
  const PublishAssembler::Publish& publish = assembler_->finish();
  // Failing the channel takes the assembler with it.
  if (publish.immediate && !connection_.settings().immediate) {
    return fail(AmqpError::not_implemented("immediate=true"), basic::Publish::id);
  }
  ExchangeRecord* exchange = find_publishable_exchange(*publish.message);
  if (exchange == nullptr) return;
  std::optional<std::uint64_t> expiration_ms;
  if (!check_properties(publish, expiration_ms)) return;

  std::vector<ReplyToken> reply_targets;
  if (exchange->definition.name.empty()) collect_reply_targets(publish, reply_targets);
  route(publish, *exchange);
  if (shard().topology().has_traced_vhosts()) tell_firehose(*publish.message);
  const bool persistent = publish.properties.delivery_mode == persistent_delivery_mode;
  const bool is_reply = !reply_targets.empty();
  if (transaction_) {
    transaction_->publishes.push_back({publish.message, publish.mandatory, publish.immediate,
                                       persistent, expiration_ms, route_cache_->targets,
                                       std::move(reply_targets)});
  } else {
    deliver_to_targets({publish.message, publish.mandatory, publish.immediate, persistent,
                        expiration_ms, route_cache_->targets, reply_targets});
  }
  assembler_->release();
  if (!is_reply) connection_.on_publish();
}

ExchangeRecord* Channel::find_publishable_exchange(const Message& message) {
  // What the cache knows has been permitted, under this very version of users and exchanges.
  if (route_cache_ && route_cache_->knows(message.exchange(), message.routing_key(),
                                          shard().topology().version())) {
    return route_cache_->record;
  }
  const auto refuse = [&](const AmqpError& error) {
    fail(error, basic::Publish::id);
    return nullptr;
  };
  if (!allowed(connection_.check_access(Operation::write, ResourceKind::exchange,
                                        message.exchange()),
               basic::Publish::id)) {
    return nullptr;
  }
  ExchangeRecord* exchange = shard().topology().find_exchange(vhost(), message.exchange());
  if (exchange == nullptr) {
    return refuse(AmqpError::not_found(
        "no " + exchange_resource(message.exchange(), connection_.vhost_name())));
  }
  if (exchange->definition.internal) {
    return refuse(
        AmqpError::access_refused("cannot publish to internal " +
                                  exchange_resource(message.exchange(), connection_.vhost_name())));
  }
  const bool permitted = allowed(
      connection_.check_topic_access(Operation::write, *exchange, message.routing_key()),
      basic::Publish::id);
  return permitted ? exchange : nullptr;
}

bool Channel::check_properties(const PublishAssembler::Publish& publish,
                               std::optional<std::uint64_t>& expiration_ms) {
  const protocol::BasicProperties& properties = publish.properties;
  const auto refuse = [&](const AmqpError& error) {
    fail(error, basic::Publish::id);
    return false;
  };
  if (properties.user_id && *properties.user_id != connection_.user() &&
      !connection_.may_impersonate()) {
    return refuse(AmqpError::precondition_failed(
        "user_id property set to '" + std::string(*properties.user_id) +
        "' but authenticated user was '" + connection_.user() + "'"));
  }
  if (properties.delivery_mode && *properties.delivery_mode != transient_delivery_mode &&
      *properties.delivery_mode != persistent_delivery_mode) {
    return refuse(AmqpError::precondition_failed("invalid message: {delivery_mode_unknown," +
                                                 std::to_string(*properties.delivery_mode) + "}"));
  }
  if (properties.expiration) {
    const auto parsed = parse_message_expiration(*properties.expiration);
    if (!parsed) return refuse(parsed.error());
    expiration_ms = *parsed;
  }
  if (publish.bad_extra_routing_keys) return refuse(*publish.bad_extra_routing_keys);
  if (properties.reply_to == reply_to_queue_name) {
    // With a reply consumer the name would have been replaced when the header came.
    return refuse(AmqpError::precondition_failed("fast reply consumer does not exist"));
  }
  return true;
}

void Channel::collect_reply_targets(const PublishAssembler::Publish& publish,
                                    std::vector<ReplyToken>& targets) {
  const auto collect = [&](std::string_view key) {
    if (!key.starts_with(reply_to_queue_name)) return;
    const auto token = ReplyToken::parse(key, shard().shard_count());
    if (token) targets.push_back(*token);
  };
  collect(publish.message->routing_key());
  for (const std::string& key : publish.extra_routing_keys) collect(key);
}

void Channel::route(const PublishAssembler::Publish& publish, ExchangeRecord& exchange) {
  const Message& message = *publish.message;
  const std::uint64_t version = shard().topology().version();
  if (!route_cache_) route_cache_ = std::make_unique<RouteCache>();
  RouteCache& cache = *route_cache_;
  const std::vector<std::string>& extra = publish.extra_routing_keys;
  const bool known = cache.knows(message.exchange(), message.routing_key(), version);
  if (known && cache.targets_hold && extra.empty()) return;

  cache.targets.clear();
  // Shared by all channels of the thread, so that routing does not allocate.
  thread_local std::vector<std::string_view> keys;
  keys.assign(1, message.routing_key());
  keys.insert(keys.end(), extra.begin(), extra.end());
  LazyProperties properties(publish.properties);
  const bool keys_decided =
      shard().topology().route(vhost(), exchange, keys, properties, cache.targets);
  // With properties or chance that mattered, or with keys of its own, a message's route says
  // nothing about the next.
  cache.targets_hold = keys_decided && extra.empty();
  if (known) return;
  cache.topology_version = version;
  cache.record = &exchange;
  cache.exchange = message.exchange();
  cache.routing_key = message.routing_key();
}

void Channel::tell_firehose(const Message& published) {
  if (!vhost().is_traced) return;
  trace_publish(shard(), vhost(), published, route_cache_->targets, traced_client());
}

void Channel::tell_firehose(const QueueEntry& delivered, QueueRef queue) {
  if (!vhost().is_traced) return;
  trace_delivery(shard(), vhost(), delivered, queue, traced_client());
}

TracedClient Channel::traced_client() const {
  return {connection_.settings().node_name, connection_.name(), number_, connection_.user()};
}

void Channel::deliver_to_targets(const RoutedPublish& publish) {
  const bool unroutable = publish.targets.empty() && publish.reply_targets.empty();
  if (unroutable && publish.mandatory) {
    return_message(publish.message, protocol::ReplyCode::no_route);
  } else if (unroutable && publish.immediate) {
    return_message(publish.message, protocol::ReplyCode::no_consumers);
  }
  RoutedMessage routed{publish.message, publish.targets, publish.persistent,
                       publish.expiration_ms, ref(), {}, publish.immediate};
  // A reply gives a verdict of its own only where its fate matters to the publisher.
  const bool replies_answer =
      (publish.mandatory || publish.immediate) && publish.targets.empty();
  std::size_t verdict_count = publish.targets.size() + (routed.is_logged() ? 1 : 0) +
                              (replies_answer ? publish.reply_targets.size() : 0);
  // Then only the exchanges' homes know whether it goes anywhere.
  const bool homes_tell = publish.mandatory && !publish.immediate && !publish.targets.empty() &&
                          std::ranges::all_of(publish.targets, &RouteTarget::is_exchange);
  const std::size_t told_count = verdict_count;
  if (homes_tell) verdict_count = 1;
  if (confirms_) {
    routed.seq = confirms_->open(static_cast<std::uint32_t>(verdict_count));
    if (verdict_count == 0) request_end_of_turn();
  } else if (transaction_) {
    transaction_->missing_verdict_count += verdict_count;
    routed.seq = PublishSeq{1};  // Any number but 0: a transaction only counts its verdicts.
  }
  if (publish.immediate && !unroutable) routed.seq = open_immediate(publish, routed.seq);
  if (homes_tell) {
    StatefulExchanges& exchanges = shard().stateful_exchanges();
    routed.seq = exchanges.join({ref(), routed.seq, publish.message}, told_count);
    routed.publisher = exchanges.ref();
    routed.mandatory = true;
  }
  for (const ReplyToken& token : publish.reply_targets) {
    shard().send(token.channel.shard,
                 PublishToReply{token, publish.message, ref(),
                                replies_answer ? routed.seq : PublishSeq{}, replies_answer});
    if (shard().congested(token.channel.shard)) connection_.wait_for_inbox();
  }
  if (!shard().publish(routed)) connection_.wait_for_inbox();
}

/// Waits for the verdicts of the queues, or of who asked for this reply. Returns the number under
/// which they come.
PublishSeq Channel::open_immediate(const RoutedPublish& publish, PublishSeq seq) {
  if (!immediates_) immediates_ = std::make_unique<ImmediatePublishes>();
  if (!confirms_) seq = immediates_->number(transaction_ != nullptr);
  const bool is_reply = publish.targets.empty();
  immediates_->open(seq, publish.message,
                    is_reply ? publish.reply_targets.size() : publish.targets.size(),
                    is_reply && publish.mandatory ? protocol::ReplyCode::no_route
                                                  : protocol::ReplyCode::no_consumers);
  return seq;
}

void Channel::settle_immediate(PublishSeq seq, Verdict verdict) {
  const auto returned = immediates_->settle(seq, verdict);
  if (returned) return_message(returned->message, returned->code);
}

void Channel::return_message(const MessageRef& message, protocol::ReplyCode code) {
  basic::Return method;
  method.reply_code = static_cast<std::uint16_t>(code);
  method.reply_text = code == protocol::ReplyCode::no_route ? "NO_ROUTE" : "NO_CONSUMERS";
  method.exchange = message->exchange();
  method.routing_key = message->routing_key();
  connection_.write_content(number_, method, message);
}

// ---- verdicts ------------------------------------------------------------------------------

void Channel::receive(const PublishVerdict& message) {
  // Before the confirm.
  if (immediates_) settle_immediate(message.seq, message.verdict);
  settle_publish(message.seq, message.verdict);
}

void Channel::on_committed(PublishSeq seq) { settle_publish(seq, Verdict::accepted); }

void Channel::receive(ReplyVerdict&& message) {
  if (immediates_ && immediates_->is_open(message.seq)) {
    settle_immediate(message.seq, message.undeliverable ? Verdict::undelivered : Verdict::accepted);
  } else if (message.undeliverable) {
    return_message(message.undeliverable, protocol::ReplyCode::no_route);
  }
  if (message.seq != PublishSeq{}) settle_publish(message.seq, Verdict::accepted);
}

void Channel::settle_publish(PublishSeq seq, Verdict verdict) {
  if (ImmediatePublishes::is_uncounted(seq)) return;
  if (confirms_) {
    confirms_->settle(seq, verdict);
    request_end_of_turn();
    return;
  }
  LEVERET_ASSERT(transaction_ && transaction_->missing_verdict_count > 0,
                 "a verdict is given to whom it was promised");
  --transaction_->missing_verdict_count;
  if (verdict == Verdict::rejected) transaction_->rejected = true;
  finish_commit();
}

void Channel::request_end_of_turn() {
  if (end_of_turn_requested_) return;
  end_of_turn_requested_ = true;
  shard().request_end_of_turn(slot_);
}

void Channel::on_end_of_turn() {
  end_of_turn_requested_ = false;
  if (!confirms_ || closing_) return;
  // Shared by all channels of the thread, so that draining does not allocate.
  thread_local std::vector<ConfirmFrame> frames;
  frames.clear();
  confirms_->drain(frames);
  for (const ConfirmFrame& frame : frames) {
    const auto tag = static_cast<std::uint64_t>(frame.seq);
    if (frame.verdict == Verdict::accepted) {
      write(basic::Ack{tag, frame.multiple});
    } else {
      write(basic::Nack{tag, frame.multiple, false});
    }
  }
}

// ---- confirm and tx ------------------------------------------------------------------------

void Channel::on(const protocol::confirm::Select& method) {
  if (transaction_) {
    return fail(AmqpError::precondition_failed("cannot switch from tx to confirm mode"), method.id);
  }
  if (!confirms_) confirms_ = std::make_unique<ConfirmTracker>();
  if (!method.nowait) write(protocol::confirm::SelectOk{});
}

void Channel::on(const protocol::tx::Select& method) {
  if (confirms_) {
    return fail(AmqpError::precondition_failed("cannot switch from confirm to tx mode"), method.id);
  }
  if (!transaction_) transaction_ = std::make_unique<Transaction>();
  write(protocol::tx::SelectOk{});
}

void Channel::on(const protocol::tx::Commit& method) {
  if (!transaction_) {
    return fail(AmqpError::precondition_failed("channel is not transactional"), method.id);
  }
  const auto publishes = std::exchange(transaction_->publishes, {});
  auto settlements = std::exchange(transaction_->settlements, {});
  transaction_->committing = true;
  transaction_->rejected = false;
  connection_.begin_wait();
  ++transaction_->missing_verdict_count;  // Held until all is sent: no early end.
  for (const auto& held : publishes) {
    deliver_to_targets({held.message, held.mandatory, held.immediate, held.persistent,
                        held.expiration_ms, held.targets, held.reply_targets});
  }
  transaction_->settled_consumed_count = 0;
  bool settles_logged = false;
  for (auto& held : settlements) {
    settles_logged |= held.settlement != Settlement::requeue &&
                      held.delivery.entry.log_index != not_in_log;
    settle_delivery(std::move(held.delivery), held.settlement);
  }
  if (settles_logged) {
    // Publishes and settlements are in one submission: after a crash all are there, or none.
    ++transaction_->missing_verdict_count;
    shard().await_log(slot_, PublishSeq{1});
  }
  note_room();
  --transaction_->missing_verdict_count;
  finish_commit();
}

void Channel::finish_commit() {
  if (!transaction_->committing || transaction_->missing_verdict_count > 0) return;
  transaction_->committing = false;
  if (transaction_->rejected) {
    fail(AmqpError::precondition_failed("partial tx completion"), protocol::tx::Commit::id);
  } else {
    write(protocol::tx::CommitOk{});
  }
  connection_.end_wait();
}

void Channel::on(const protocol::tx::Rollback& method) {
  if (!transaction_) {
    return fail(AmqpError::precondition_failed("channel is not transactional"), method.id);
  }
  transaction_->publishes.clear();
  // What was acknowledged in the transaction is unacknowledged again; nothing is redelivered.
  for (auto& held : transaction_->settlements) ledger_.restore(std::move(held.delivery));
  transaction_->settlements.clear();
  transaction_->settled_consumed_count = 0;
  write(protocol::tx::RollbackOk{});
}

}  // namespace leveret::broker
