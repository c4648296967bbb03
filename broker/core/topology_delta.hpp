/// Changes of the topology: what shard 0 has decided, and what every shard then applies to its
/// own copy, in the same order. A delta is complete and deterministic; names, not numbers, say
/// what it is about.
///
/// Thread: immutable once published, any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/exchange_type.hpp"
#include "broker/core/ids.hpp"
#include "broker/core/matched_policies.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/users.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// What an exchange was declared as, and what policies make of that.
struct ExchangeDefinition {
  std::string vhost;
  std::string name;
  ExchangeType type = ExchangeType::direct;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  /// Takes what matches no binding; the empty name is the default exchange.
  std::optional<std::string> alternate_exchange;
  protocol::FieldTable arguments;
  MatchedPolicies policies = {};

  /// Names it among those that keep something beside bindings (stateful_settings.hpp), as long as
  /// the process lives. Given by shard 0; 0: it keeps nothing.
  StatefulExchangeId state_id{};
  /// The shard where it keeps that.
  ShardId home{};
  /// What the log calls it. Never used again; 0: it keeps nothing in the log.
  std::uint64_t durable_number = 0;

  bool keeps_something() const { return state_id != StatefulExchangeId{}; }
};

/// A binding: messages of exchange `source` that match go to `destination`.
struct BindingDefinition {
  std::string vhost;
  std::string source;
  bool to_queue = true;  ///< Otherwise `destination` names an exchange.
  std::string destination;
  std::string routing_key;
  protocol::FieldTable arguments;
};

struct VhostAdded { std::string name; };
/// The type that its queues have if they are declared without one; empty: the node's.
struct VhostDefaultQueueType { std::string name, queue_type; };
/// The firehose (firehose.hpp) is switched on or off.
struct VhostTracing { std::string name; bool is_traced = false; };
/// All that is in it goes with it: queues, exchanges, bindings; and its connections are closed.
struct VhostRemoved { std::string name; };
struct ExchangeAdded { ExchangeDefinition definition; };
struct ExchangeRemoved { std::string vhost, name; };
/// Policies have changed, and with them what holds for the exchange.
struct ExchangeRedefined {
  std::string vhost, name;
  std::optional<std::string> alternate_exchange;
  MatchedPolicies policies;
};
struct QueueAdded { QueueDefinitionRef definition; };
struct QueueRemoved { std::string vhost, name; };
/// The same queue by another definition: policies have changed, and with them its settings.
struct QueueRedefined { QueueDefinitionRef definition; };
struct QueuePaused { std::string vhost, name; bool paused = false; };
struct BindingAdded { BindingDefinition binding; };
struct BindingRemoved { BindingDefinition binding; };
struct UsersReplaced { std::shared_ptr<const Users> users; };

using TopologyChange =
    std::variant<VhostAdded, VhostDefaultQueueType, VhostTracing, VhostRemoved, ExchangeAdded,
                 ExchangeRemoved, QueueAdded, QueueRemoved, QueuePaused, BindingAdded,
                 BindingRemoved, UsersReplaced, ExchangeRedefined, QueueRedefined>;

/// Changes that become visible together.
using TopologyDelta = std::vector<TopologyChange>;

}  // namespace leveret::broker
