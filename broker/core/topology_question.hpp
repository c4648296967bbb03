/// Asks shard 0 for one change of the topology, from any shard and without a session.
///
/// Thread: the shard's.
#pragma once

#include <functional>
#include <string>

#include "broker/core/shard_message.hpp"

namespace leveret::broker {

class ShardState;

using TopologyAnswered = std::function<void(Result<void, protocol::AmqpError> outcome)>;

/// `answered` is called once, on this shard: when every shard has applied the change and it is
/// durable, or with why it was refused. `user` is who asks; empty: the broker itself.
void ask_topology(ShardState& shard, TopologyOperation operation, std::string user,
                  TopologyAnswered answered);

}  // namespace leveret::broker
