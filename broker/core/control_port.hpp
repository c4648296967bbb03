/// How those who run the broker see it and change it, from outside of its shards: snapshots of what
/// there is, and commands. Nothing else of the core is for them.
///
/// Owner:  the shell.   Thread: that of the HTTP server; answers come on a shard's, each once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/connection_status.hpp"
#include "broker/core/definition_change.hpp"
#include "broker/core/definitions_file.hpp"
#include "broker/core/durable_definitions.hpp"
#include "broker/core/effective_settings.hpp"
#include "broker/core/json_arguments.hpp"
#include "broker/core/link_status.hpp"
#include "broker/core/parameter_keys.hpp"
#include "broker/core/resource_limits.hpp"
#include "broker/core/vhost_metadata.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

struct VhostStatus {
  std::string name;
  std::string default_queue_type;  ///< Empty: the node's.
  bool is_traced = false;
};

/// What one moment knew of users, virtual hosts and parameters. Immutable, shared.
struct DefinitionsSnapshot {
  std::shared_ptr<const Users> users;  ///< With those of the configuration.
  std::map<std::string, VhostStatus> vhosts;
  std::map<ParameterKey, std::string> parameters;  ///< JSON texts.
  /// Users who may only come from the broker's own machine.
  std::vector<std::string> loopback_only_users;
};
using DefinitionsSnapshotRef = std::shared_ptr<const DefinitionsSnapshot>;

/// What one moment knew of exchanges, queues and bindings, in no order. The default exchange is
/// among them, its bindings are not.
struct TopologySnapshot {
  std::vector<ExchangeDefinition> exchanges;
  std::vector<QueueDefinitionRef> queues;
  std::vector<BindingDefinition> bindings;
};

/// What a queue has now.
struct QueueStatus {
  QueueDefinitionRef definition;
  std::uint64_t ready_count = 0;
  std::uint64_t unacked_count = 0;
  std::uint64_t consumer_count = 0;
  bool is_paused = false;
};

/// How many messages an x-delayed-message exchange holds back; only of those that are such.
struct DelayedCount {
  std::string vhost, exchange;
  std::uint64_t count = 0;
};

/// A port that clients come to.
struct ListenerStatus {
  std::string protocol;  ///< In RabbitMQ's words: "amqp", "http".
  std::string address;   ///< "127.0.0.1", "::".
  std::uint16_t port = 0;
};

/// What the process is short of, and whom it lets in.
struct NodeStatus {
  bool memory_alarm = false;
  bool disk_alarm = false;
  bool is_stopping = false;
  std::vector<ListenerStatus> listeners;  ///< Those that are open.
  std::uint64_t connection_count = 0;     ///< Of AMQP clients.
  std::uint64_t connections_max = 0;      ///< 0: no limit.
  std::uint64_t uptime_ms = 0;
  std::uint64_t process_id = 0;
  std::uint64_t processor_count = 0;
  std::uint64_t thread_count = 0, threads_max = 0;
  std::uint64_t descriptor_count = 0, descriptors_max = 0;
  std::uint64_t memory_bytes = 0, memory_limit_bytes = 0;  ///< The limit begins the alarm.
  std::uint64_t disk_free_bytes = 0, disk_free_limit_bytes = 0;
  std::string data_dir;
};

/// Which virtual hosts are meant; an empty name: all of them.
using VhostFilter = std::string;

class ControlPort {
 public:
  template <class T>
  using Then = std::function<void(T)>;

  virtual void take_definitions(Then<DefinitionsSnapshotRef> then) = 0;
  virtual void take_topology(VhostFilter vhost, Then<TopologySnapshot> then) = 0;
  /// All queues of all shards. Each shard says what it has at some moment of its own.
  virtual void take_queues(VhostFilter vhost, Then<std::vector<QueueStatus>> then) = 0;
  /// The same of exchanges that hold messages back.
  virtual void take_delayed(Then<std::vector<DelayedCount>> then) = 0;
  /// Of all shovels and federation links. The answer comes on their thread.
  virtual void take_links(Then<std::vector<LinkStatus>> then) = 0;
  virtual void take_node(Then<NodeStatus> then) = 0;
  /// Of AMQP clients, those within the broker left out.
  virtual void take_connections(Then<std::vector<ConnectionStatus>> then) = 0;
  /// Closes a connection, if it is still there: its client is told 320 with the reason.
  virtual void close_connection(ShardId shard, ConnectionId id, std::string reason) = 0;

  /// Answered when every shard knows of it and it is durable. `user` is who wants it.
  virtual void change(DefinitionChange change, std::string user,
                      Then<Result<void, protocol::AmqpError>> then) = 0;
  /// The same for a whole file. The answer: sentences about what was not taken.
  virtual void import(DefinitionsFile definitions, Then<std::vector<std::string>> then) = 0;

  /// Says in the broker's log what somebody was refused.
  virtual void warn(const std::string& text) = 0;

  /// One end of a connection whose other end is a shard's: its client may log in as any user
  /// without a password. Negative: there are no descriptors left.
  virtual int connect_locally() = 0;

 protected:
  ~ControlPort() = default;
};

}  // namespace leveret::broker
