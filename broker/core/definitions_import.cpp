#include "broker/core/definitions_import.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/exchange_arguments.hpp"
#include "broker/core/queue_arguments.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/topology_question.hpp"

namespace leveret::broker {

namespace {

/// What a change is about, for people.
struct Subject {
  std::string operator()(const PutUser& put) const { return describe_definition(put.user); }
  std::string operator()(const DeleteUser& gone) const { return "user '" + gone.name + "'"; }
  std::string operator()(const SetPermissions& set) const {
    return describe_definition(set.granted);
  }
  std::string operator()(const ClearPermissions& cleared) const {
    return describe_definition(PermissionDefinition{cleared.user, cleared.vhost, {}, {}, {}});
  }
  std::string operator()(const SetTopicPermissions& set) const {
    return describe_definition(set.granted);
  }
  std::string operator()(const ClearTopicPermissions& cleared) const {
    return describe_definition(TopicPermissionDefinition{
        cleared.user, cleared.vhost, cleared.exchange.value_or(""), {}});
  }
  std::string operator()(const AddVhost& added) const {
    return describe_definition(VhostDefinition{added.name});
  }
  std::string operator()(const TraceVhost& traced) const {
    return describe_definition(VhostDefinition{traced.name});
  }
  std::string operator()(const DeleteVhost& gone) const {
    return describe_definition(VhostDefinition{gone.name});
  }
  std::string operator()(const PauseQueue& paused) const {
    return queue_resource(paused.queue, paused.vhost);
  }
  std::string operator()(const PutParameter& put) const {
    return describe_definition(put.parameter);
  }
  std::string operator()(const DeleteParameter& gone) const {
    return describe_definition(ParameterDefinition{gone.key, {}});
  }
};

}  // namespace

void DefinitionsImport::run(ShardState& shard, DefinitionsFile definitions, Done done) {
  const std::shared_ptr<DefinitionsImport> import(
      new DefinitionsImport(shard, std::move(definitions), std::move(done)));
  import->advance();
}

DefinitionsImport::DefinitionsImport(ShardState& shard, DefinitionsFile definitions, Done done)
    : shard_(shard), done_(std::move(done)) {
  const auto add = [this](auto& list) {
    for (auto& one : list) steps_.emplace_back(std::move(one));
  };
  add(definitions.changes);
  add(definitions.exchanges);
  add(definitions.queues);
  add(definitions.bindings);
}

void DefinitionsImport::advance() {
  // Answers can come while a question is being asked.
  if (is_advancing_) return;
  const auto self = shared_from_this();
  is_advancing_ = true;
  while (next_step_ < steps_.size() && pending_count_ < requests_max) {
    Step step = std::move(steps_[next_step_++]);
    std::visit([this](auto& one) { take(std::move(one)); }, step);
  }
  is_advancing_ = false;
  if (next_step_ < steps_.size() || pending_count_ > 0 || is_done_) return;
  is_done_ = true;
  done_(std::move(outcome_));
}

void DefinitionsImport::complain(const std::string& subject, const std::string& why) {
  outcome_.problems.push_back(subject + ": " + why);
}

void DefinitionsImport::ask(std::string subject, TopologyOperation operation,
                            bool may_be_left_out) {
  ++pending_count_;
  ask_topology(shard_, std::move(operation), "",
               [self = shared_from_this(), subject = std::move(subject),
                may_be_left_out](const Result<void, protocol::AmqpError>& outcome) {
                 if (!outcome) self->note(subject, may_be_left_out, outcome.error());
                 --self->pending_count_;
                 self->advance();
               });
}

void DefinitionsImport::note(const std::string& subject, bool may_be_left_out,
                             const protocol::AmqpError& error) {
  if (may_be_left_out && error.code() == protocol::ReplyCode::not_found) {
    outcome_.left_out.push_back(subject + ": " + error.explanation());
  } else {
    complain(subject, error.explanation());
  }
}

void DefinitionsImport::take(DefinitionChange&& change) {
  std::string subject = std::visit(Subject{}, change);
  ask(std::move(subject), ChangeDefinition{std::move(change)});
}

void DefinitionsImport::take(ExchangeDefinition&& exchange) {
  std::string subject = describe_definition(exchange);
  Vhost* vhost = shard_.topology().find_vhost(exchange.vhost);
  if (vhost == nullptr) return complain(subject, "no vhost '" + exchange.vhost + "'");
  if (shard_.topology().find_exchange(*vhost, exchange.name) != nullptr) return;
  auto settings = parse_exchange_arguments(exchange);
  if (!settings) return complain(subject, settings.error().explanation());
  exchange.alternate_exchange = std::move(settings->alternate_exchange);
  ask(std::move(subject), DeclareExchange{std::move(exchange)});
}

void DefinitionsImport::take(QueueDefinition&& queue) {
  std::string subject = describe_definition(queue);
  Vhost* vhost = shard_.topology().find_vhost(queue.vhost);
  if (vhost == nullptr) return complain(subject, "no vhost '" + queue.vhost + "'");
  if (shard_.topology().find_queue(*vhost, queue.name) != nullptr) return;
  auto settings = parse_queue_arguments(queue.name, queue.vhost,
                                        {queue.durable, false, queue.auto_delete},
                                        queue.arguments);
  if (!settings) return complain(subject, settings.error().explanation());
  queue.settings = std::move(*settings);
  if (queue.durable) queue.durable_number = shard_.new_durable_number();
  queue.ref = QueueRef{shard_.own(), shard_.reserve_queue()};
  const auto definition = std::make_shared<const QueueDefinition>(std::move(queue));
  shard_.open_queue(definition);
  ask(std::move(subject), DeclareQueue{definition});
}

void DefinitionsImport::take(BindingDefinition&& binding) {
  std::string subject = describe_definition(binding);
  ask(std::move(subject), Bind{std::move(binding)}, true);
}

}  // namespace leveret::broker
