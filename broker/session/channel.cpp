#include "broker/session/channel.hpp"

#include <utility>

#include "broker/core/queue_arguments.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/session/connection_session.hpp"

namespace leveret::broker {

using protocol::AmqpError;
using protocol::MethodId;

Channel::Channel(ConnectionSession& connection, std::uint16_t number)
    : connection_(connection), number_(number) {
  slot_ = shard().add_endpoint(*this);
  outbox_full_ = connection.outbox_full();
}

Channel::~Channel() { release(); }

ShardState& Channel::shard() { return connection_.shard(); }
ChannelRef Channel::ref() const { return connection_.shard().endpoint_ref(slot_); }
Vhost& Channel::vhost() { return connection_.vhost(); }

// ---- frames --------------------------------------------------------------------------------

namespace {
constexpr MethodId basic_publish_id = protocol::basic::Publish::id;
}  // namespace

MethodId peek_method_id(std::span<const std::byte> payload) {
  protocol::WireReader reader(payload);
  const std::uint16_t class_id = reader.read_u16();
  return {class_id, reader.read_u16()};
}

void Channel::on_method(std::span<const std::byte> payload) {
  const MethodId id = peek_method_id(payload);
  if (closing_) {
    if (id != protocol::channel::Close::id && id != protocol::channel::CloseOk::id) return;
  } else if (assembler_ && assembler_->awaiting() != PublishAssembler::Awaiting::method) {
    const bool header = assembler_->awaiting() == PublishAssembler::Awaiting::header;
    return fail(AmqpError::unexpected_frame(
                    header ? "expected content header for class 60, got non content header frame "
                             "instead"
                           : "expected content body, got non content body frame instead"),
                basic_publish_id);
  }
  auto done = protocol::dispatch_method(payload, *this);
  if (!done && !closing_) connection_.fail(number_, done.error());
}

void Channel::on_header(std::span<const std::byte> payload) {
  if (closing_) return;
  if (!assembler_ || assembler_->awaiting() == PublishAssembler::Awaiting::method) {
    return fail(AmqpError::unexpected_frame("expected method frame, got non method frame instead"),
                {});
  }
  if (assembler_->awaiting() == PublishAssembler::Awaiting::body) {
    return fail(
        AmqpError::unexpected_frame("expected content body, got non content body frame instead"),
        basic_publish_id);
  }
  const auto taken = assembler_->add_header(
      payload, reply_consumer_ ? std::string_view(reply_consumer_->queue_name) : "",
      connection_.settings().message_size_max_bytes);
  if (!taken) return fail(taken.error(), basic_publish_id);
  if (assembler_->complete()) finish_publish();
}

void Channel::on_body(std::span<const std::byte> bytes, bool ends) {
  if (closing_) return;
  if (!assembler_ || assembler_->awaiting() == PublishAssembler::Awaiting::method) {
    return fail(AmqpError::unexpected_frame("expected method frame, got non method frame instead"),
                {});
  }
  if (assembler_->awaiting() == PublishAssembler::Awaiting::header) {
    return fail(AmqpError::unexpected_frame("expected content header for class 60, got non content "
                                            "header frame instead"),
                basic_publish_id);
  }
  const auto taken = assembler_->add_body(bytes);
  if (!taken) return fail(taken.error(), basic_publish_id);
  // Not before the frame is over: what more it holds may be too much.
  if (!ends) return;
  if (assembler_->complete()) return finish_publish();
  // In an alarm a whole message is still taken, as RabbitMQ does; the rest of a large one waits.
  if (!assembler_->is_reply()) connection_.on_publish();
}

// ---- life ----------------------------------------------------------------------------------

void Channel::on(const protocol::channel::Open& method) {
  if (opened_) return fail(AmqpError::channel_error("second 'channel.open' seen"), method.id);
  opened_ = true;
  write(protocol::channel::OpenOk{});
}

void Channel::on(const protocol::channel::Flow& method) {
  // The client may not stop deliveries this way: RabbitMQ refuses it since 2.0, in these words.
  if (!method.active) return fail(AmqpError::not_implemented("active=false"), method.id);
  write(protocol::channel::FlowOk{true});
}

void Channel::on(const protocol::channel::Close&) {
  if (closing_) {
    // Both said close at the same time. The client owes a close-ok, but not every one sends it.
    closed_by_both_ = true;
    return write(protocol::channel::CloseOk{});
  }
  on_end_of_turn();  // Confirms that are due leave before close-ok.
  write(protocol::channel::CloseOk{});
  connection_.close_channel(number_);
}

void Channel::on(const protocol::channel::CloseOk& method) {
  if (!closing_) return fail(AmqpError::command_invalid("unimplemented method"), method.id);
  connection_.close_channel(number_);
}

void Channel::on(const protocol::access::Request&) {
  // Tickets went away with AMQP 0-8's realms; who still asks for one gets it.
  write(protocol::access::RequestOk{1});
}

void Channel::fail(const AmqpError& error, MethodId method) {
  connection_.fail(number_, error.raised_by(method));
}

void Channel::close_with(const AmqpError& error) {
  release();
  closing_ = true;
  const std::string text = error.reply_text();
  protocol::channel::Close close;
  close.reply_code = static_cast<std::uint16_t>(error.code());
  close.reply_text = text;
  close.class_id = error.method().class_id;
  close.method_id = error.method().method_id;
  write(close);
}

void Channel::release() {
  if (released_) return;
  released_ = true;
  // Youngest first: a queue finds them at the end of its list, however many there are.
  for (; !consumers_.empty(); consumers_.pop_back()) {
    const ChannelConsumer& consumer = consumers_.back();
    tell_consumer_deleted(consumer, EventExchange::broker_user);
    shard().send(consumer.queue.shard, RemoveConsumer{consumer.queue, consumer.id, {}});
  }
  reply_consumer_.reset();
  // In order of delivery; the queues put them back where they were.
  const auto put_back = [&](Unsettled&& delivery) {
    settle_delivery(std::move(delivery), Settlement::lose);
  };
  ledger_.take_all(put_back);
  if (transaction_) {
    for (auto& held : transaction_->settlements) put_back(std::move(held.delivery));
  }
  if (ack_timeouts_) ack_timeouts_->stop();
  const bool committing = transaction_ && transaction_->committing;
  if (on_queue_reply_ || on_topology_reply_ || getting_ || committing) connection_.end_wait();
  transaction_.reset();
  confirms_.reset();
  immediates_.reset();
  assembler_.reset();
  route_cache_.reset();
  on_queue_reply_ = nullptr;
  on_topology_reply_ = nullptr;
  shard().remove_endpoint(slot_);
}

void Channel::set_outbox_full(bool full) {
  outbox_full_ = full;
  update_all_blocked();
}

// ---- questions to other parts --------------------------------------------------------------

void Channel::ask(std::function<void(QueueReply&&)> then) {
  on_queue_reply_ = std::move(then);
  connection_.begin_wait();
}

void Channel::receive(QueueReply&& message) {
  auto then = std::exchange(on_queue_reply_, nullptr);
  LEVERET_ASSERT(then != nullptr, "a queue answers only what it was asked");
  then(std::move(message));
  end_asking();
}

void Channel::ask_topology(TopologyOperation operation,
                           std::function<void(TopologyReply&&)> then) {
  on_topology_reply_ = std::move(then);
  connection_.begin_wait();
  shard().send(ShardId{0}, TopologyRequest{ref(), std::move(operation), connection_.user()});
}

void Channel::answer_when_committed(bool is_durable, std::function<void()> answer) {
  if (!is_durable || shard().definitions_are_committed()) return answer();
  ask_topology(AwaitDefinitions{},
               [answer = std::move(answer)](TopologyReply&&) { answer(); });
}

void Channel::receive(TopologyReply&& message) {
  auto then = std::exchange(on_topology_reply_, nullptr);
  LEVERET_ASSERT(then != nullptr, "shard 0 answers only what it was asked");
  then(std::move(message));
  end_asking();
}

void Channel::end_asking() {
  if (awaits_answer()) return;
  for (const ConsumerKey key : std::exchange(lost_while_asking_, {})) lose_consumer(key);
  connection_.end_wait();
}

bool Channel::allowed(const Result<void, AmqpError>& check, MethodId method) {
  if (check) return true;
  fail(check.error(), method);
  return false;
}

bool Channel::resolve_queue_name(std::string_view given, MethodId method, std::string& name) {
  name = strip_line_breaks(given);
  if (!name.empty()) return true;
  if (last_queue_name_.empty()) {
    fail(AmqpError::not_found("no previously declared queue"), method);
    return false;
  }
  name = last_queue_name_;
  return true;
}

const QueueDefinition* Channel::find_usable_queue(std::string_view name, MethodId method) {
  const QueueRecord* record = shard().topology().find_queue(vhost(), name);
  if (record == nullptr) {
    fail(AmqpError::not_found("no " + queue_resource(name, connection_.vhost_name())), method);
    return nullptr;
  }
  if (is_locked(name)) {
    fail(locked_queue(name, connection_.vhost_name()), method);
    return nullptr;
  }
  return record->definition.get();
}

bool Channel::is_locked(std::string_view name) {
  const QueueRecord* record = shard().topology().find_queue(vhost(), name);
  return record != nullptr && record->definition->exclusive() &&
         record->definition->exclusive_owner != connection_.id();
}

}  // namespace leveret::broker
