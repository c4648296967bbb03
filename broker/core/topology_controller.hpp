/// Decides about the topology: the one place where exchanges, queues and bindings come and go.
///
/// A request is checked against shard 0's topology, written to the log as far as it is durable,
/// applied there, and broadcast. Its answer leaves when every shard has applied it, so that after
/// the -ok every client sees the change, and when the log has what was written.
///
/// It also keeps what only it decides about: users made at run time, and parameters; policies are
/// those that change what others have declared.
///
/// Owner:  the ShardState of shard 0.   Thread: that shard.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/definition_writer.hpp"
#include "broker/core/policies.hpp"
#include "broker/core/shard_message.hpp"
#include "broker/core/topology.hpp"
#include "broker/core/topology_observer.hpp"

namespace leveret::broker {

class ShardState;

/// Limits that the node as a whole keeps; 0 is no limit.
struct NodeLimits {
  std::uint64_t connections = 0;
  std::uint64_t connections_per_user = 0;
  std::uint64_t queues = 0;
};

/// What is stored beside the topology.
struct StoredDefinitions {
  Users users;  ///< Without those of the configuration.
  std::map<ParameterKey, std::string> parameters;  ///< JSON texts.
  std::uint64_t highest_removed_number = 0;        ///< As QueueNumbersDefinition has it.
};

class TopologyController {
 public:
  TopologyController(ShardState& shard, std::uint16_t shard_count);

  void set_limits(const NodeLimits& limits) { limits_ = limits; }

  void on(TopologyRequest&& request);
  void on(const DeltaApplied& applied);
  /// Sends the answers that waited for the log, and tells the others. Called at the end of a turn.
  void release_committed();
  /// Whether the log has all that was decided.
  bool is_committed() const;
  /// Whether release_committed() would send something now.
  bool has_committed_answers() const;

  /// Takes what recovery has read; no shard may have been told of users yet. Gives what follows
  /// from it for every shard, and sentences about what is not understood, and means nothing.
  TopologyDelta restore(StoredDefinitions stored, std::vector<std::string>& problems);
  /// What the policies make of all that the topology has: a change for each queue and exchange that
  /// is not as its policies want it.
  TopologyDelta policy_changes() const;
  const StoredDefinitions& stored() const { return stored_; }
  /// What is stored, overlaid by what the configuration says.
  std::shared_ptr<const Users> effective_users() const;

  /// The observer is told from now on, and must outlive the controller.
  void add_observer(TopologyObserver& observer) { observers_.push_back(&observer); }
  /// Gives an exchange its id and its home, if it keeps something. Its arguments have been checked.
  void place(ExchangeDefinition& exchange);

  std::uint64_t connection_count() const { return connection_count_; }

 private:
  using Outcome = Result<QueueRef, protocol::AmqpError>;
  /// How many of something there are; who has none is not in it.
  using CountByName = boost::unordered_flat_map<std::string, std::uint64_t>;
  /// Answers `requester`, by TopologyReply or, for ForgetQueue, by QueueReply.
  struct Answer {
    EndpointRef requester;
    QueueRef reserved;
    Outcome outcome;
    bool from_queue = false;
    QueueCounts counts;
  };
  using Ticket = std::optional<storage::LogTicket>;
  struct Unapplied {
    std::uint64_t number;
    std::uint16_t missing_count;
    Ticket ticket;  ///< None: the log is not waited for.
    Answer answer;
  };
  struct Uncommitted {
    storage::LogTicket ticket;
    Answer answer;
  };

  Outcome decide(const DeclareQueue& request, TopologyDelta& delta);
  Outcome decide(const DeclareExchange& request, TopologyDelta& delta);
  Outcome decide(const DeleteExchange& request, TopologyDelta& delta);
  Outcome decide(const Bind& request, TopologyDelta& delta);
  Outcome decide(const Unbind& request, TopologyDelta& delta);
  Outcome decide(const AdmitConnection& request, TopologyDelta& delta);
  Outcome decide(const ReleaseConnection& request, TopologyDelta& delta);
  Outcome decide(const AdmitChannel& request, TopologyDelta& delta);
  Outcome decide(const ReleaseChannels& request, TopologyDelta& delta);
  Outcome decide(const ReplaceUsers& request, TopologyDelta& delta);
  Outcome decide(const ForgetQueue& request, TopologyDelta& delta);
  Outcome decide(const ChangeDefinition& request, TopologyDelta& delta);
  Outcome decide(const AwaitDefinitions&, TopologyDelta&) { return QueueRef{}; }

  // topology_controller_definitions.cpp
  Outcome change(const PutUser& request, TopologyDelta& delta);
  Outcome change(const DeleteUser& request, TopologyDelta& delta);
  Outcome change(const SetPermissions& request, TopologyDelta& delta);
  Outcome change(const ClearPermissions& request, TopologyDelta& delta);
  Outcome change(const SetTopicPermissions& request, TopologyDelta& delta);
  Outcome change(const ClearTopicPermissions& request, TopologyDelta& delta);
  Outcome change(const AddVhost& request, TopologyDelta& delta);
  Outcome change(const TraceVhost& request, TopologyDelta& delta);
  Outcome change(const DeleteVhost& request, TopologyDelta& delta);
  Outcome change(const PauseQueue& request, TopologyDelta& delta);
  Outcome change(const PutParameter& request, TopologyDelta& delta);
  Outcome change(const DeleteParameter& request, TopologyDelta& delta);
  /// What a parameter means from now on. Without one: it has gone.
  Result<void, protocol::AmqpError> apply_parameter(const ParameterKey& key,
                                                    const std::string* json,
                                                    TopologyDelta& delta);
  // topology_controller_policies.cpp
  Outcome put_policy(PolicyKind kind, const ParameterDefinition& parameter, TopologyDelta& delta);
  void remove_policy(PolicyKind kind, const ParameterKey& key, TopologyDelta& delta);
  void restore_policies();
  void redefine_matched(const std::string& vhost, TopologyDelta& delta) const;
  void apply_policies(const QueueDefinition& queue, TopologyDelta& delta) const;
  void apply_policies(const ExchangeDefinition& exchange, TopologyDelta& delta) const;

  Result<void, protocol::AmqpError> check_user_and_vhost(const std::string& user,
                                                         const std::string& vhost);
  void add_event_exchange(const std::string& vhost_name, TopologyDelta& delta);
  void forget_user(const std::string& name);
  void replace_users(TopologyDelta& delta);

  void remove_exchange(ExchangeRecord& exchange, TopologyDelta& delta);
  /// Auto-delete exchanges whose last bindings are `incoming` go, too, and so on from those.
  /// `removed` is an exchange that goes anyway.
  void remove_exchanges_ending_with(std::span<const IncomingBinding> incoming,
                                    const ExchangeRecord* removed, TopologyDelta& delta);
  Result<void, protocol::AmqpError> check_ends(const BindingDefinition& binding, Vhost*& vhost);
  void publish(TopologyDelta&& delta, const Ticket& ticket, Answer&& answer);
  /// Tells the event exchange what a request has done that is no change of the topology.
  void tell_event(const DefinitionChange& change, const std::string& user);
  void release_applied();
  void send(Answer&& answer);

  ShardState& shard_;
  std::uint16_t shard_count_;
  NodeLimits limits_;
  std::uint64_t delta_number_ = 0;
  std::uint32_t last_state_id_ = 0;
  std::deque<Unapplied> unapplied_;
  std::deque<Uncommitted> uncommitted_;
  Ticket last_ticket_;
  std::uint64_t last_logged_delta_ = 0;
  std::uint64_t told_committed_delta_ = 0;  ///< What other shards know to be in the log.
  DefinitionWriter writer_;
  StoredDefinitions stored_;
  Policies policies_;  ///< Those among the stored parameters.
  std::vector<TopologyObserver*> observers_;
  std::shared_ptr<const Users> configured_users_ = std::make_shared<const Users>();
  std::map<std::string, VhostLimits, std::less<>> vhost_limits_;
  std::uint64_t connection_count_ = 0;
  CountByName connections_of_user_, connections_of_vhost_, channels_of_user_;
};

}  // namespace leveret::broker
