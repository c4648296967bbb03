/// Makes the snapshots that the control port gives.
///
/// Thread: that of the shard.
#pragma once

#include <vector>

#include "broker/core/control_port.hpp"

namespace leveret::broker {

class ShardState;

/// What the shard knows of it. Requires: `shard` is shard 0.
DefinitionsSnapshot snapshot_definitions(ShardState& shard);
TopologySnapshot snapshot_topology(ShardState& shard, const VhostFilter& vhost);
/// Of the shard's own queues.
std::vector<QueueStatus> snapshot_queues(ShardState& shard, const VhostFilter& vhost);
/// Of exchanges whose home is the shard.
std::vector<DelayedCount> snapshot_delayed(ShardState& shard);

}  // namespace leveret::broker
