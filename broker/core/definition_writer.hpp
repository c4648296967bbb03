/// Writes to the log what of the topology outlives the process.
///
/// Only durable things do: a binding is durable when both its ends are. The exchanges that every
/// virtual host has from the start are not written, since they come back with it.
///
/// Owner:  the TopologyController.   Thread: shard 0.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "broker/core/durable_definitions.hpp"
#include "broker/core/topology.hpp"
#include "broker/core/topology_delta.hpp"
#include "storage/log.hpp"

namespace leveret::broker {

class DefinitionWriter {
 public:
  explicit DefinitionWriter(storage::LogWriter& log) : log_(log) {}

  /// Writes a delta's durable part; users are written by themselves. Requires: the topology has
  /// not applied it yet, so that what is removed can still be looked up.
  void write(Topology& topology, const TopologyDelta& delta);

  void define(const DurableDefinition& definition);
  void undefine(std::string_view key);
  void undefine_all(std::string_view key_prefix);

  /// Numbers of queues up to here may not be used again.
  void note_removed_number(std::uint64_t number);
  /// What the log says about that already.
  void set_highest_removed_number(std::uint64_t number) { highest_removed_number_ = number; }

  /// The ticket of what was written since the last call; nothing when nothing was.
  std::optional<storage::LogTicket> take_ticket();

 private:
  void note(Topology& topology, const VhostAdded& change);
  /// The parameter that says so has been written.
  void note(Topology&, const VhostDefaultQueueType&) {}
  /// It is not kept: RabbitMQ forgets it with the node, too.
  void note(Topology&, const VhostTracing&) {}
  void note(Topology& topology, const VhostRemoved& change);
  void note(Topology& topology, const ExchangeAdded& change);
  void note(Topology& topology, const ExchangeRemoved& change);
  void note(Topology& topology, const QueueAdded& change);
  void note(Topology& topology, const QueueRemoved& change);
  void note(Topology& topology, const QueuePaused& change);
  void note(Topology& topology, const BindingAdded& change);
  void note(Topology& topology, const BindingRemoved& change);
  void note(Topology&, const UsersReplaced&) {}
  // What policies make of a definition is made again from what is written.
  void note(Topology&, const ExchangeRedefined&) {}
  void note(Topology&, const QueueRedefined&) {}
  /// Of a queue or exchange that goes; `destination` names it.
  void undefine_incoming(Topology& topology, std::span<const IncomingBinding> incoming,
                         BindingDefinition destination);

  storage::LogWriter& log_;
  bool has_written_ = false;
  std::uint64_t highest_removed_number_ = 0;
};

}  // namespace leveret::broker
