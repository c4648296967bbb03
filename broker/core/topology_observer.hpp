/// Somebody who follows what is decided and what queues need, to make links to other brokers.
///
/// Owner: the shell.
#pragma once

#include <string>

#include "broker/core/durable_definitions.hpp"
#include "broker/core/ids.hpp"
#include "broker/core/topology_delta.hpp"

namespace leveret::broker {

/// Thread: shard 0, which must not be kept waiting.
class TopologyObserver {
 public:
  /// Shard 0 has applied a delta.
  virtual void on_delta(const TopologyDelta& delta) = 0;
  /// A parameter has another value now, or none (null).
  virtual void on_parameter(const ParameterKey& key, const std::string* json) = 0;

 protected:
  ~TopologyObserver() = default;
};

/// Thread: the home shard of the queue, which must not be kept waiting.
class QueueObserver {
 public:
  /// A watched queue has become hungry, or is no longer: it has no messages, and a consumer that
  /// could take one and is no link itself (those have priorities below 0).
  virtual void on_hunger(QueueRef queue, bool is_hungry) = 0;

 protected:
  ~QueueObserver() = default;
};

}  // namespace leveret::broker
