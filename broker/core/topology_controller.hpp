/// Decides about the topology: the one place where exchanges, queues and bindings come and go.
///
/// A request is checked against shard 0's topology, applied there, and broadcast; its answer
/// leaves when every shard has applied it, so that after the -ok every client sees the change.
///
/// Owner:  the ShardState of shard 0.   Thread: that shard.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "broker/core/shard_message.hpp"
#include "broker/core/topology.hpp"

namespace leveret::broker {

class ShardState;

/// Limits that the node as a whole keeps; 0 is no limit.
struct NodeLimits {
  std::uint64_t connections = 0;
  std::uint64_t connections_per_user = 0;
  std::uint64_t queues = 0;
};

class TopologyController {
 public:
  TopologyController(ShardState& shard, std::uint16_t shard_count);

  void set_limits(const NodeLimits& limits) { limits_ = limits; }

  void on(TopologyRequest&& request);
  void on(const DeltaApplied& applied);

  std::uint64_t connection_count() const { return connection_count_; }

 private:
  using Outcome = Result<QueueRef, protocol::AmqpError>;
  /// Answers `requester`, by TopologyReply or, for ForgetQueue, by QueueReply.
  struct Answer {
    EndpointRef requester;
    QueueRef reserved;
    Outcome outcome;
    bool from_queue = false;
    QueueCounts counts;
  };
  struct Unapplied {
    std::uint64_t number;
    std::uint16_t missing_count;
    Answer answer;
  };

  Outcome decide(const DeclareQueue& request, TopologyDelta& delta);
  Outcome decide(const DeclareExchange& request, TopologyDelta& delta);
  Outcome decide(const DeleteExchange& request, TopologyDelta& delta);
  Outcome decide(const Bind& request, TopologyDelta& delta);
  Outcome decide(const Unbind& request, TopologyDelta& delta);
  Outcome decide(const AdmitConnection& request, TopologyDelta& delta);
  Outcome decide(const ReleaseConnection& request, TopologyDelta& delta);
  Outcome decide(const ReplaceUsers& request, TopologyDelta& delta);
  Outcome decide(const ForgetQueue& request, TopologyDelta& delta);

  void remove_exchange(ExchangeRecord& exchange, TopologyDelta& delta);
  /// Auto-delete exchanges whose last bindings are `incoming` go, too, and so on from those.
  /// `removed` is an exchange that goes anyway.
  void remove_exchanges_ending_with(std::span<const IncomingBinding> incoming,
                                    const ExchangeRecord* removed, TopologyDelta& delta);
  Result<void, protocol::AmqpError> check_ends(const BindingDefinition& binding, Vhost*& vhost);
  void publish(TopologyDelta&& delta, Answer&& answer);
  void send(Answer&& answer);

  ShardState& shard_;
  std::uint16_t shard_count_;
  NodeLimits limits_;
  std::uint64_t delta_number_ = 0;
  std::deque<Unapplied> unapplied_;
  std::uint64_t connection_count_ = 0;
  boost::unordered_flat_map<std::string, std::uint64_t> connections_of_user_;
};

}  // namespace leveret::broker
