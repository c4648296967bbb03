// Class exchange, and bindings of both classes.

#include "broker/core/binding_index.hpp"
#include "broker/core/exchange_arguments.hpp"
#include "broker/core/queue_arguments.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"

namespace leveret::broker {

using protocol::AmqpError;
using protocol::MethodId;
namespace exchange = protocol::exchange;

void Channel::on(const exchange::Declare& method) {
  if (!method.passive) return declare_exchange(method);
  if (!allowed(check_not_default_exchange(strip_line_breaks(method.exchange)), method.id)) return;
  const std::string name = strip_line_breaks(method.exchange);
  const ExchangeRecord* existing = shard().topology().find_exchange(vhost(), name);
  if (existing == nullptr) {
    return fail(AmqpError::not_found("no " + exchange_resource(name, connection_.vhost_name())),
                method.id);
  }
  if (method.nowait) return;
  answer_when_committed(existing->definition.durable, [this] { write(exchange::DeclareOk{}); });
}

void Channel::declare_exchange(const exchange::Declare& method) {
  const std::string name = strip_line_breaks(method.exchange);
  const std::string& vhost_name = connection_.vhost_name();
  const auto type = check_exchange_type(method.type);
  if (!type) return fail(type.error(), method.id);
  if (!allowed(check_not_default_exchange(name), method.id)) return;
  if (!allowed(connection_.check_access(Operation::configure, ResourceKind::exchange, name),
               method.id)) {
    return;
  }
  auto arguments = method.arguments.decode();
  if (!arguments) return fail(arguments.error(), method.id);

  ExchangeDefinition wanted{vhost_name,    name, *type, method.durable, method.auto_delete,
                            method.internal, {},   std::move(*arguments)};
  if (const ExchangeRecord* existing = shard().topology().find_exchange(vhost(), name)) {
    const auto same = check_exchange_equivalence(existing->definition, wanted);
    if (!allowed(same, method.id) || method.nowait) return;
    return answer_when_committed(wanted.durable, [this] { write(exchange::DeclareOk{}); });
  }
  if (!allowed(check_exchange_name(name), method.id)) return;
  const auto settings = parse_exchange_arguments(wanted);
  if (!settings) return fail(settings.error(), method.id);
  if (settings->alternate_exchange) {
    wanted.alternate_exchange = settings->alternate_exchange;
    if (!allowed(connection_.check_access(Operation::read, ResourceKind::exchange, name),
                 method.id) ||
        !allowed(connection_.check_access(Operation::write, ResourceKind::exchange,
                                          *wanted.alternate_exchange),
                 method.id)) {
      return;
    }
  }
  ask_topology(DeclareExchange{std::move(wanted)},
               [this, nowait = method.nowait](TopologyReply&& reply) {
                 if (!reply.outcome) return fail(reply.outcome.error(), exchange::Declare::id);
                 if (!nowait) write(exchange::DeclareOk{});
               });
}

void Channel::on(const exchange::Delete& method) {
  const std::string name = strip_line_breaks(method.exchange);
  if (!allowed(check_exchange_deletion(name, connection_.vhost_name()), method.id) ||
      !allowed(connection_.check_access(Operation::configure, ResourceKind::exchange, name),
               method.id)) {
    return;
  }
  ask_topology(DeleteExchange{connection_.vhost_name(), name, method.if_unused},
               [this, nowait = method.nowait](TopologyReply&& reply) {
                 if (!reply.outcome) return fail(reply.outcome.error(), exchange::Delete::id);
                 if (!nowait) write(exchange::DeleteOk{});
               });
}

// ---- bindings ------------------------------------------------------------------------------

bool Channel::may_bind(const BindingDefinition& binding, MethodId method) {
  const ResourceKind kind = binding.to_queue ? ResourceKind::queue : ResourceKind::exchange;
  if (!binding.to_queue && !allowed(check_not_default_exchange(binding.destination), method)) {
    return false;
  }
  if (!allowed(check_not_default_exchange(binding.source), method) ||
      !allowed(connection_.check_access(Operation::write, kind, binding.destination), method) ||
      !allowed(connection_.check_access(Operation::read, ResourceKind::exchange, binding.source),
               method)) {
    return false;
  }
  const ExchangeRecord* source = shard().topology().find_exchange(vhost(), binding.source);
  return source == nullptr ||
         allowed(connection_.check_topic_access(Operation::read, *source, binding.routing_key),
                 method);
}

bool Channel::may_be_durable(const BindingDefinition& binding) {
  // An end that is not there may have been durable.
  const ExchangeRecord* source = shard().topology().find_exchange(vhost(), binding.source);
  if (source != nullptr && !source->definition.durable) return false;
  if (binding.to_queue) {
    const QueueRecord* queue = shard().topology().find_queue(vhost(), binding.destination);
    return queue == nullptr || queue->definition->durable;
  }
  const ExchangeRecord* exchange =
      shard().topology().find_exchange(vhost(), binding.destination);
  return exchange == nullptr || exchange->definition.durable;
}

bool Channel::check_binding_ends(const BindingDefinition& binding, MethodId method) {
  const ExchangeRecord* source = shard().topology().find_exchange(vhost(), binding.source);
  if (source == nullptr) {
    fail(AmqpError::not_found("no " + exchange_resource(binding.source, binding.vhost)), method);
    return false;
  }
  if (binding.to_queue) {
    if (find_usable_queue(binding.destination, method) == nullptr) return false;
  } else if (shard().topology().find_exchange(vhost(), binding.destination) == nullptr) {
    fail(AmqpError::not_found("no " + exchange_resource(binding.destination, binding.vhost)),
         method);
    return false;
  }
  return allowed(check_binding(source->index.type(), binding), method);
}

void Channel::change_binding(bool bind, const BindingDefinition& binding, MethodId method,
                             std::function<void()> answer) {
  if (!may_bind(binding, method)) return;
  if (bind && !check_binding_ends(binding, method)) return;
  // What every client repeats at every start is answered from here, without asking shard 0. And
  // taking away what is not there succeeds, whichever part is missing.
  if (shard().topology().has_binding(binding) == bind) {
    return answer_when_committed(may_be_durable(binding), std::move(answer));
  }
  if (!bind && binding.to_queue && is_locked(binding.destination)) {
    return fail(locked_queue(binding.destination, binding.vhost), method);
  }
  TopologyOperation operation;
  if (bind) {
    operation = Bind{binding};
  } else {
    operation = Unbind{binding};
  }
  ask_topology(std::move(operation),
               [this, method, answer = std::move(answer)](TopologyReply&& reply) {
                 if (!reply.outcome) return fail(reply.outcome.error(), method);
                 answer();
               });
}

template <class Method>
void Channel::change_exchange_binding(bool bind, const Method& method,
                                      std::function<void()> answer) {
  auto arguments = method.arguments.decode();
  if (!arguments) return fail(arguments.error(), method.id);
  change_binding(bind,
                 {connection_.vhost_name(), strip_line_breaks(method.source), false,
                  strip_line_breaks(method.destination), std::string(method.routing_key),
                  std::move(*arguments)},
                 method.id, std::move(answer));
}

template <class Method>
void Channel::change_queue_binding(bool bind, const Method& method, std::function<void()> answer) {
  auto arguments = method.arguments.decode();
  if (!arguments) return fail(arguments.error(), method.id);
  std::string queue;
  if (!resolve_queue_name(method.queue, method.id, queue)) return;
  // With neither queue nor key given, both are the last declared queue's name.
  const bool key_is_queue = method.queue.empty() && method.routing_key.empty();
  const std::string routing_key = key_is_queue ? queue : std::string(method.routing_key);
  change_binding(bind,
                 {connection_.vhost_name(), strip_line_breaks(method.exchange), true, queue,
                  routing_key, std::move(*arguments)},
                 method.id, std::move(answer));
}

void Channel::on(const exchange::Bind& method) {
  change_exchange_binding(true, method, [this, nowait = method.nowait] {
    if (!nowait) write(exchange::BindOk{});
  });
}

void Channel::on(const exchange::Unbind& method) {
  change_exchange_binding(false, method, [this, nowait = method.nowait] {
    if (!nowait) write(exchange::UnbindOk{});
  });
}

void Channel::on(const protocol::queue::Bind& method) {
  change_queue_binding(true, method, [this, nowait = method.nowait] {
    if (!nowait) write(protocol::queue::BindOk{});
  });
}

void Channel::on(const protocol::queue::Unbind& method) {
  change_queue_binding(false, method, [this] { write(protocol::queue::UnbindOk{}); });
}

}  // namespace leveret::broker
