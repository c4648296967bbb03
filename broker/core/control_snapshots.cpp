#include "broker/core/control_snapshots.hpp"

#include <utility>

#include "broker/core/shard_state.hpp"
#include "broker/core/stateful_exchange.hpp"
#include "broker/core/stateful_exchanges.hpp"

namespace leveret::broker {

DefinitionsSnapshot snapshot_definitions(ShardState& shard) {
  DefinitionsSnapshot snapshot;
  snapshot.users = shard.topology().users_ref();
  for (const Vhost* vhost : shard.topology().vhosts()) {
    snapshot.vhosts.emplace(
        vhost->name, VhostStatus{vhost->name, vhost->default_queue_type, vhost->is_traced});
  }
  snapshot.parameters = shard.controller().stored().parameters;
  return snapshot;
}

TopologySnapshot snapshot_topology(ShardState& shard, const VhostFilter& filter) {
  TopologySnapshot snapshot;
  Topology& topology = shard.topology();
  for (const Vhost* vhost : topology.vhosts()) {
    if (!filter.empty() && vhost->name != filter) continue;
    for (const ExchangeDefinition* exchange : topology.exchanges_of(*vhost)) {
      snapshot.exchanges.push_back(*exchange);
    }
    const auto queues = topology.queues_of(*vhost);
    snapshot.queues.insert(snapshot.queues.end(), queues.begin(), queues.end());
    topology.add_bindings_of(*vhost, snapshot.bindings);
  }
  return snapshot;
}

std::vector<QueueStatus> snapshot_queues(ShardState& shard, const VhostFilter& filter) {
  std::vector<QueueStatus> snapshot;
  shard.for_each_queue([&](Queue& queue) {
    if (!filter.empty() && queue.definition().vhost != filter) return;
    const QueueCounts counts = queue.counts();
    snapshot.push_back({queue.definition_ref(), counts.ready_count, queue.unacked_count(),
                        counts.consumer_count, queue.paused()});
  });
  return snapshot;
}

std::vector<DelayedCount> snapshot_delayed(ShardState& shard) {
  std::vector<DelayedCount> snapshot;
  shard.stateful_exchanges().for_each([&](const StatefulExchange& exchange) {
    const ExchangeDefinition& definition = exchange.definition();
    if (definition.type != ExchangeType::delayed_message) return;
    snapshot.push_back({definition.vhost, definition.name, exchange.delayed_count()});
  });
  return snapshot;
}

}  // namespace leveret::broker
