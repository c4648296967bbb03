/// Carries out definitions with all shards: what queues need on shard 0, the queues spread over
/// them all, then what leads to queues.
///
/// Thread: any; the answer comes on shard 0's.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "broker/core/definitions_import.hpp"
#include "broker/server/shard.hpp"

namespace leveret::server {

/// Calls `done` once, when all that was taken is durable and known to every shard. Requires: the
/// shards' threads are running; they outlive the import.
void import_definitions(const std::vector<std::unique_ptr<Shard>>& shards,
                        broker::DefinitionsFile definitions,
                        std::function<void(broker::ImportOutcome)> done);

}  // namespace leveret::server
