// Class queue, but for bindings.

#include "broker/core/queue_arguments.hpp"
#include "broker/core/reply_token.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"
#include "broker/session/generated_name.hpp"

namespace leveret::broker {

using protocol::AmqpError;
namespace queue = protocol::queue;

void Channel::on(const queue::Declare& method) {
  if (method.queue.starts_with(reply_to_queue_name)) return declare_reply_to(method);
  std::string name = strip_line_breaks(method.queue);
  if (method.passive) return declare_passively(name, method.nowait);
  auto arguments = method.arguments.decode();
  if (!arguments) return fail(arguments.error(), method.id);
  add_default_type(method, *arguments);
  if (!allowed(name.empty() ? check_server_named(*arguments) : check_queue_name(name),
               method.id)) {
    return;
  }
  if (name.empty()) name = generated_name("amq.gen-");
  if (!allowed(connection_.check_access(Operation::configure, ResourceKind::queue, name),
               method.id)) {
    return;
  }

  QueueDefinition wanted;
  wanted.name = std::move(name);
  wanted.vhost = connection_.vhost_name();
  wanted.durable = method.durable && !method.exclusive;
  wanted.auto_delete = method.auto_delete;
  if (method.exclusive) wanted.exclusive_owner = connection_.id();
  wanted.arguments = std::move(*arguments);
  declare_queue(std::move(wanted), method.nowait, false);
}

/// Declarations without a type get that of the virtual host or the node, where the queue can be of
/// that type. RabbitMQ adds the argument, too, so that both ways to say it are the same.
void Channel::add_default_type(const queue::Declare& method, protocol::FieldTable& arguments) {
  const std::string& of_vhost = vhost().default_queue_type;
  const std::string& type =
      of_vhost.empty() ? connection_.settings().default_queue_type : of_vhost;
  if (type.empty() || arguments.find("x-queue-type") != nullptr) return;
  const bool can_be_any = method.durable && !method.exclusive && !method.auto_delete;
  if (type != "classic" && !can_be_any) return;
  arguments.set("x-queue-type", protocol::FieldValue::long_string(type));
}

void Channel::declare_reply_to(const queue::Declare& method) {
  const std::string name(method.queue);
  const auto token = ReplyToken::parse(name, shard().shard_count());
  const auto answer = [this, name, nowait = method.nowait](bool alive) {
    if (!alive) {
      return fail(AmqpError::not_found("no " + queue_resource(name, connection_.vhost_name())),
                  queue::Declare::id);
    }
    last_queue_name_ = name;
    if (!nowait) write(queue::DeclareOk{name, 0, 1});
  };
  if (name == reply_to_queue_name) return answer(true);
  if (!token) return answer(false);
  ask([answer](QueueReply&& reply) { answer(reply.outcome.has_value()); });
  shard().send(token->channel.shard, InspectReplyTarget{*token, ref()});
}

void Channel::declare_passively(std::string_view name, bool nowait) {
  // An empty name is a name here, of no queue: it does not stand for the last one declared.
  const QueueDefinition* existing = find_usable_queue(name, queue::Declare::id);
  if (existing == nullptr) return;
  answer_declare(*existing, nowait, [this, name = std::string(name)] {
    fail(AmqpError::not_found("no " + queue_resource(name, connection_.vhost_name())),
         queue::Declare::id);
  });
}

void Channel::answer_declare(const QueueDefinition& existing, bool nowait,
                             std::function<void()> when_gone) {
  const bool is_stream = existing.settings.type == QueueType::stream;
  ask([this, name = existing.name, durable = existing.durable, is_stream, nowait,
       when_gone = std::move(when_gone)](QueueReply&& reply) {
    if (!reply.outcome) return when_gone();
    last_queue_name_ = name;
    if (nowait) return;
    QueueCounts counts = *reply.outcome;
    if (is_stream) counts.consumer_count = 0;  // RabbitMQ does not say who reads a stream.
    answer_when_committed(durable, [this, name, counts] {
      write(queue::DeclareOk{name, static_cast<std::uint32_t>(counts.ready_count),
                             static_cast<std::uint32_t>(counts.consumer_count)});
    });
  });
  shard().send(existing.ref.shard, InspectQueue{existing.ref, ref()});
}

void Channel::declare_queue(QueueDefinition wanted, bool nowait, bool ask_again) {
  const QueueRecord* record = shard().topology().find_queue(vhost(), wanted.name);
  if (record == nullptr || ask_again) return create_queue(std::move(wanted), nowait);

  const QueueDefinition& existing = *record->definition;
  if (existing.exclusive() && existing.exclusive_owner != connection_.id()) {
    return fail(locked_queue(wanted.name, wanted.vhost), queue::Declare::id);
  }
  const auto same = check_queue_equivalence(
      wanted.name, wanted.vhost,
      {{existing.durable, existing.exclusive(), existing.auto_delete}, existing.arguments},
      {{wanted.durable, wanted.exclusive(), wanted.auto_delete}, wanted.arguments});
  if (!allowed(same, queue::Declare::id)) return;
  answer_declare(existing, nowait, [this, wanted, nowait] {
    // Deleted a moment ago, and this shard has not heard yet; shard 0 has.
    declare_queue(wanted, nowait, true);
  });
}

/// Whoever may not read a queue, or not write to an exchange, must not move messages there.
bool Channel::may_dead_letter(const QueueDefinition& wanted) {
  const protocol::FieldValue* exchange = wanted.arguments.find("x-dead-letter-exchange");
  if (exchange == nullptr || exchange->type() != protocol::FieldType::long_string) return true;
  return allowed(connection_.check_access(Operation::read, ResourceKind::queue, wanted.name),
                 queue::Declare::id) &&
         allowed(connection_.check_access(Operation::write, ResourceKind::exchange,
                                          *exchange->as_string()),
                 queue::Declare::id);
}

void Channel::create_queue(QueueDefinition wanted, bool nowait) {
  if (!may_dead_letter(wanted)) return;
  const auto settings =
      parse_queue_arguments(wanted.name, wanted.vhost,
                            {wanted.durable, wanted.exclusive(), wanted.auto_delete},
                            wanted.arguments);
  if (!settings) return fail(settings.error(), queue::Declare::id);
  wanted.settings = *settings;
  if (wanted.durable) wanted.durable_number = shard().new_durable_number();
  wanted.ref = QueueRef{shard().own(), shard().reserve_queue()};
  if (wanted.exclusive()) connection_.own_exclusive_queue(wanted.ref);

  const auto definition = std::make_shared<const QueueDefinition>(wanted);
  shard().open_queue(definition);
  ask_topology(DeclareQueue{definition}, [this, wanted = std::move(wanted),
                                          nowait](TopologyReply&& reply) {
    if (!reply.outcome) return fail(reply.outcome.error(), queue::Declare::id);
    // Somebody else was quicker: what is there now has to be what this client wants.
    if (*reply.outcome != wanted.ref) return declare_queue(wanted, nowait, false);
    last_queue_name_ = wanted.name;
    if (!nowait) write(queue::DeclareOk{wanted.name, 0, 0});
  });
}

void Channel::on(const queue::Purge& method) {
  std::string name;
  if (!resolve_queue_name(method.queue, method.id, name) ||
      !allowed(connection_.check_access(Operation::read, ResourceKind::queue, name), method.id)) {
    return;
  }
  const QueueDefinition* existing = find_usable_queue(name, method.id);
  if (existing == nullptr || refused_by_stream(*existing, "queue.purge", method.id)) return;
  ask([this, name, nowait = method.nowait](QueueReply&& reply) {
    if (!reply.outcome) {
      return fail(AmqpError::not_found("no " + queue_resource(name, connection_.vhost_name())),
                  queue::Purge::id);
    }
    if (!nowait) write(queue::PurgeOk{static_cast<std::uint32_t>(reply.outcome->ready_count)});
  });
  shard().send(existing->ref.shard, PurgeQueue{existing->ref, ref()});
}

void Channel::on(const queue::Delete& method) {
  std::string name;
  if (!resolve_queue_name(method.queue, method.id, name) ||
      !allowed(connection_.check_access(Operation::configure, ResourceKind::queue, name),
               method.id)) {
    return;
  }
  if (shard().topology().find_queue(vhost(), name) == nullptr) {
    // Deleting what is not there succeeds.
    if (method.nowait) return;
    return answer_when_committed(true, [this] { write(queue::DeleteOk{0}); });
  }
  const QueueDefinition* existing = find_usable_queue(name, method.id);
  if (existing == nullptr) return;
  if (existing->settings.type == QueueType::quorum && (method.if_unused || method.if_empty)) {
    return fail(AmqpError::not_implemented(
                    "cannot delete " + queue_resource(existing->name, existing->vhost) +
                    ". queue.delete operations with " +
                    (method.if_unused ? "if-unused" : "if-empty") +
                    " flag set are not supported by quorum queues"),
                method.id);
  }
  ask([this, nowait = method.nowait](QueueReply&& reply) {
    if (!reply.outcome && !reply.outcome.error().gone) {
      return fail(reply.outcome.error().error, queue::Delete::id);
    }
    const std::uint64_t count = reply.outcome ? reply.outcome->ready_count : 0;
    if (!nowait) write(queue::DeleteOk{static_cast<std::uint32_t>(count)});
  });
  shard().send(existing->ref.shard, DeleteQueue{existing->ref, ref(), method.if_unused,
                                                method.if_empty, connection_.user()});
}

}  // namespace leveret::broker
