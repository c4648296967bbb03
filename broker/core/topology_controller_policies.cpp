// Policies: what they change, and for which queues and exchanges.

#include <utility>

#include "broker/core/effective_settings.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/topology_controller.hpp"

namespace leveret::broker {

using protocol::AmqpError;

TopologyController::Outcome TopologyController::put_policy(PolicyKind kind,
                                                           const ParameterDefinition& parameter,
                                                           TopologyDelta& delta) {
  const ParameterKey& key = parameter.key;
  if (!key.vhost) {
    return tl::unexpected(
        AmqpError::precondition_failed("a policy belongs to a vhost, not to the node"));
  }
  auto policy = Policy::parse(kind, key.name, parameter.json);
  if (!policy) return tl::unexpected(std::move(policy.error()));
  auto [stored, is_new] = stored_.parameters.try_emplace(key, parameter.json);
  if (!is_new && stored->second == parameter.json) return QueueRef{};
  stored->second = parameter.json;
  writer_.define(parameter);
  // What is set anew in other words must not begin the times of unused queues again.
  if (policies_.put(*key.vhost, kind, std::move(*policy))) redefine_matched(*key.vhost, delta);
  return QueueRef{};
}

void TopologyController::remove_policy(PolicyKind kind, const ParameterKey& key,
                                       TopologyDelta& delta) {
  if (policies_.remove(*key.vhost, kind, key.name)) redefine_matched(*key.vhost, delta);
}

void TopologyController::restore_policies() {
  for (const auto& [key, json] : stored_.parameters) {
    const auto kind = policy_kind_of(key.component);
    if (!kind || !key.vhost) continue;
    // Recovery has told of those that cannot be read.
    auto policy = Policy::parse(*kind, key.name, json);
    if (policy) policies_.put(*key.vhost, *kind, std::move(*policy));
  }
}

TopologyDelta TopologyController::policy_changes() const {
  TopologyDelta delta;
  for (const std::string& vhost : policies_.vhosts()) redefine_matched(vhost, delta);
  return delta;
}

void TopologyController::redefine_matched(const std::string& vhost, TopologyDelta& delta) const {
  Topology& topology = shard_.topology();
  const Vhost* found = topology.find_vhost(vhost);
  LEVERET_ASSERT(found != nullptr, "policies go with their vhost");
  for (const ExchangeDefinition* exchange : topology.exchanges_of(*found)) {
    apply_policies(*exchange, delta);
  }
  for (const QueueDefinitionRef& queue : topology.queues_of(*found)) {
    apply_policies(*queue, delta);
  }
}

void TopologyController::apply_policies(const QueueDefinition& queue, TopologyDelta& delta) const {
  MatchedPolicies matched = policies_.match_queue(queue.vhost, queue.name, queue.settings.type);
  if (matched == matched_policies(queue)) return;
  delta.push_back(QueueRedefined{with_policies(queue, std::move(matched))});
}

void TopologyController::apply_policies(const ExchangeDefinition& exchange,
                                        TopologyDelta& delta) const {
  MatchedPolicies matched = policies_.match_exchange(exchange.vhost, exchange.name);
  if (matched == exchange.policies) return;
  delta.push_back(with_policies(exchange, std::move(matched)));
}

}  // namespace leveret::broker
