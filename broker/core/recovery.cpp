#include "broker/core/recovery.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/core/binding_index.hpp"
#include "broker/core/durable_definitions.hpp"
#include "broker/core/exchange_arguments.hpp"
#include "broker/core/policy.hpp"
#include "broker/core/predeclared_exchanges.hpp"
#include "broker/core/queue_arguments.hpp"
#include "broker/core/stateful_exchanges.hpp"
#include "broker/core/topology_controller.hpp"

namespace leveret::broker {

namespace {

class Recovery {
 public:
  explicit Recovery(std::span<ShardState* const> shards) : shards_(shards) {}

  /// Takes definitions in the order of their keys: what is needed comes first.
  Result<void, std::string> take(const std::string& key, DurableDefinition&& definition);
  RecoveredTopology finish();

 private:
  /// Nothing: taken. A text: what is missing.
  using Missing = std::optional<std::string>;
  using Taken = Result<Missing, std::string>;

  Taken take(VhostDefinition&& vhost);
  Taken take(User&& user);
  Taken take(PermissionDefinition&& granted);
  Taken take(TopicPermissionDefinition&& granted);
  Taken take(ExchangeDefinition&& exchange);
  Taken take(QueueDefinition&& queue);
  Taken take(BindingDefinition&& binding);
  Taken take(ParameterDefinition&& parameter);
  Taken take(QueueNumbersDefinition&& numbers);

  /// It is only a name, so it can be made again: better than to lose what is in it.
  template <class Definition>
  Vhost& vhost_of(const Definition& definition, const std::string& name);
  Topology& topology() { return shards_[0]->topology(); }
  void apply(const TopologyDelta& delta) {
    for (ShardState* shard : shards_) shard->topology().apply(delta);
  }

  void apply_policies(const TopologyDelta& delta);

  std::span<ShardState* const> shards_;
  StoredDefinitions stored_;
  std::uint64_t highest_number_ = 0;
  RecoveredTopology recovered_;
};

tl::unexpected<std::string> refused(const DurableDefinition& definition, const std::string& why) {
  return tl::unexpected("the definition of " + describe_definition(definition) +
                        " is not accepted: " + why);
}

/// RabbitMQ's texts about parameters have several.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char character : text) {
    const bool is_break = character == '\n';
    if (!is_break) line += character;
    if (is_break && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

/// Why a policy cannot be applied; empty when it can.
std::string check_policy(PolicyKind kind, const ParameterDefinition& parameter) {
  if (!parameter.key.vhost) return "it belongs to no vhost";
  const auto policy = Policy::parse(kind, parameter.key.name, parameter.json);
  return policy ? "" : one_line(policy.error().explanation());
}

Result<void, std::string> Recovery::take(const std::string& key, DurableDefinition&& definition) {
  auto taken = std::visit([this](auto& one) { return take(std::move(one)); }, definition);
  if (!taken) return tl::unexpected(std::move(taken.error()));
  if (taken->has_value()) {
    // What is not taken is left as it was.
    recovered_.repairs.push_back("the definition of " + describe_definition(definition) +
                                 " is dropped: " + **taken);
    shards_[0]->log().undefine(key);
  }
  return {};
}

template <class Definition>
Vhost& Recovery::vhost_of(const Definition& definition, const std::string& name) {
  if (topology().find_vhost(name) == nullptr) {
    const DurableDefinition vhost = VhostDefinition{name};
    recovered_.repairs.push_back("the definition of " + describe_definition(vhost) +
                                 " is missing: it is made again for " +
                                 describe_definition(definition));
    const EncodedDefinition encoded = encode_definition(vhost);
    shards_[0]->log().define(encoded.key, encoded.value);
    take(VhostDefinition{name});
  }
  return *topology().find_vhost(name);
}

Recovery::Taken Recovery::take(VhostDefinition&& vhost) {
  TopologyDelta delta;
  add_vhost(vhost.name, delta);
  apply(delta);
  return Missing{};
}

Recovery::Taken Recovery::take(User&& user) {
  stored_.users.add(std::move(user));
  return Missing{};
}

// Users may be missing: they may be the configuration's, which is not known yet.
Recovery::Taken Recovery::take(PermissionDefinition&& granted) {
  vhost_of(granted, granted.vhost);
  auto permissions = compile_permissions(granted);
  if (!permissions) return refused(granted, permissions.error());
  stored_.users.set_permissions(granted.user, granted.vhost, std::move(*permissions));
  return Missing{};
}

Recovery::Taken Recovery::take(TopicPermissionDefinition&& granted) {
  vhost_of(granted, granted.vhost);
  // Whoever has none may use every key, so that they may not be lost.
  auto set = stored_.users.set_topic_permissions(granted.user, granted.vhost, granted.exchange,
                                                 granted.permissions);
  if (!set) return refused(granted, set.error());
  return Missing{};
}

Recovery::Taken Recovery::take(ExchangeDefinition&& exchange) {
  if (topology().find_exchange(vhost_of(exchange, exchange.vhost), exchange.name) != nullptr) {
    return "every vhost has an exchange of that name from the start";
  }
  auto settings = parse_exchange_arguments(exchange);
  if (!settings) return refused(exchange, settings.error().explanation());
  exchange.alternate_exchange = std::move(settings->alternate_exchange);
  highest_number_ = std::max(highest_number_, exchange.durable_number);
  shards_[0]->controller().place(exchange);
  if (exchange.keeps_something()) {
    ShardState& home = *shards_[static_cast<std::size_t>(exchange.home)];
    StatefulExchange& opened = home.stateful_exchanges().open(exchange);
    if (exchange.durable_number != 0) {
      recovered_.exchanges.emplace(exchange.durable_number, &opened);
    }
  }
  apply({ExchangeAdded{std::move(exchange)}});
  return Missing{};
}

Recovery::Taken Recovery::take(QueueDefinition&& queue) {
  vhost_of(queue, queue.vhost);
  if (const auto other = recovered_.queues.find(queue.durable_number);
      other != recovered_.queues.end()) {
    return refused(queue, "it has the number " + std::to_string(queue.durable_number) +
                              ", as has " + describe_definition(other->second->definition()));
  }
  if (recovered_.exchanges.contains(queue.durable_number)) {
    return refused(queue, "it has the number " + std::to_string(queue.durable_number) +
                              ", as has an exchange");
  }
  auto settings = parse_queue_arguments(queue.name, queue.vhost, {true, false, queue.auto_delete},
                                        queue.arguments);
  if (!settings) return refused(queue, settings.error().explanation());
  queue.settings = std::move(*settings);
  const std::uint64_t number = queue.durable_number;
  ShardState& home = *shards_[number % shards_.size()];
  queue.ref = {home.own(), home.reserve_queue()};
  const auto definition = std::make_shared<const QueueDefinition>(std::move(queue));
  recovered_.queues.emplace(number, &home.open_queue(definition));
  apply({QueueAdded{definition}});
  highest_number_ = std::max(highest_number_, number);
  return Missing{};
}

Recovery::Taken Recovery::take(BindingDefinition&& binding) {
  Vhost& vhost = vhost_of(binding, binding.vhost);
  const ExchangeRecord* source = topology().find_exchange(vhost, binding.source);
  if (source == nullptr) return "there is no such exchange";
  const bool has_destination =
      binding.to_queue ? topology().find_queue(vhost, binding.destination) != nullptr
                       : topology().find_exchange(vhost, binding.destination) != nullptr;
  if (!has_destination) {
    return std::string("there is no such ") + (binding.to_queue ? "queue" : "exchange to bind");
  }
  auto checked = check_binding(source->index.type(), binding);
  if (!checked) return refused(binding, checked.error().explanation());
  apply({BindingAdded{std::move(binding)}});
  return Missing{};
}

Recovery::Taken Recovery::take(ParameterDefinition&& parameter) {
  if (parameter.key.vhost) vhost_of(parameter, *parameter.key.vhost);
  // It is kept: nothing that an operator has said may be lost, and he can still read it.
  if (const auto kind = policy_kind_of(parameter.key.component)) {
    const std::string complaint = check_policy(*kind, parameter);
    if (!complaint.empty()) {
      recovered_.repairs.push_back("the " + describe_definition(parameter) +
                                   " is not applied: " + complaint);
    }
  }
  stored_.parameters.insert_or_assign(std::move(parameter.key), std::move(parameter.json));
  return Missing{};
}

Recovery::Taken Recovery::take(QueueNumbersDefinition&& numbers) {
  stored_.highest_removed_number = numbers.highest_removed;
  highest_number_ = std::max(highest_number_, numbers.highest_removed);
  return Missing{};
}

void Recovery::apply_policies(const TopologyDelta& delta) {
  apply(delta);
  for (const TopologyChange& change : delta) {
    const auto* redefined = std::get_if<QueueRedefined>(&change);
    if (redefined == nullptr) continue;
    // Nothing but what was recovered is there yet, and all of that is durable.
    const auto queue = recovered_.queues.find(redefined->definition->durable_number);
    queue->second->redefine(redefined->definition);
  }
}

RecoveredTopology Recovery::finish() {
  for (ShardState* shard : shards_) shard->note_durable_number(highest_number_);
  TopologyController& controller = shards_[0]->controller();
  apply(controller.restore(std::move(stored_), recovered_.repairs));
  apply_policies(controller.policy_changes());
  return std::move(recovered_);
}

}  // namespace

Result<RecoveredTopology, std::string> recover_topology(const KeptDefinitions& definitions,
                                                        std::span<ShardState* const> shards) {
  Recovery recovery(shards);
  for (const auto& [key, value] : definitions) {
    auto definition = decode_definition(key, value);
    if (!definition) return tl::unexpected(std::move(definition.error()));
    if (auto taken = recovery.take(key, std::move(*definition)); !taken) {
      return tl::unexpected(std::move(taken.error()));
    }
  }
  return recovery.finish();
}

}  // namespace leveret::broker
