/// Makes the topology again from what the log kept.
///
/// Thread: start-up, before any shard's thread runs.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "broker/core/durable_definitions.hpp"
#include "broker/core/queue.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/stateful_exchange.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

struct RecoveredTopology {
  /// The durable queues, empty yet, by their numbers. They are homed on the shard number modulo
  /// the count of shards, and stay theirs.
  boost::unordered_flat_map<std::uint64_t, Queue*> queues;
  /// The durable exchanges that keep something, by their numbers.
  boost::unordered_flat_map<std::uint64_t, StatefulExchange*> exchanges;
  /// A sentence for each definition that did not fit the others, and for each policy that cannot be
  /// applied, for the operator. The log of an orderly broker gives none; one that was damaged may.
  std::vector<std::string> repairs;
};

/// Gives every shard the topology, and shard 0 also what only it keeps. A virtual host that is
/// missing is made again; a binding without its ends is dropped, from the log too, so that it does
/// not come to life when they are made anew. Shard 0's first turn writes that down.
///
/// Requires: `shards` are all shards, shard 0 first; each is in its first turn, so that it knows
/// the time, and has been told nothing yet.
/// Error: a sentence about a definition that cannot be read, or not be taken: messages or
/// permissions would be lost without it. The shards are of no use then.
Result<RecoveredTopology, std::string> recover_topology(const KeptDefinitions& definitions,
                                                        std::span<ShardState* const> shards);

}  // namespace leveret::broker
