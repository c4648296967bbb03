/// The control port of the running broker.
///
/// Owner:  the Server.   Thread: that of the HTTP server; answers come on a shard's thread.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "broker/core/control_port.hpp"
#include "broker/server/broker_links.hpp"
#include "broker/server/shard.hpp"

namespace leveret::server {

class BrokerControl final : public broker::ControlPort {
 public:
  /// Calls its argument with what the server knows of the node, on a thread of its own.
  using AskServer = std::function<void(Then<broker::NodeStatus> then)>;

  BrokerControl(std::vector<std::unique_ptr<Shard>>& shards, BrokerLinks& links,
                AskServer ask_server)
      : shards_(shards), links_(links), ask_server_(std::move(ask_server)) {}

  void take_definitions(Then<broker::DefinitionsSnapshotRef> then) override;
  void take_topology(broker::VhostFilter vhost, Then<broker::TopologySnapshot> then) override;
  void take_queues(broker::VhostFilter vhost,
                   Then<std::vector<broker::QueueStatus>> then) override;
  void take_delayed(Then<std::vector<broker::DelayedCount>> then) override;
  void take_links(Then<std::vector<broker::LinkStatus>> then) override {
    links_.request_status(std::move(then));
  }
  void take_node(Then<broker::NodeStatus> then) override;
  void take_connections(Then<std::vector<broker::ConnectionStatus>> then) override;
  void close_connection(broker::ShardId shard, broker::ConnectionId id,
                        std::string reason) override;
  void change(broker::DefinitionChange change, std::string user,
              Then<Result<void, protocol::AmqpError>> then) override;
  void import(broker::DefinitionsFile definitions, Then<std::vector<std::string>> then) override;
  void warn(const std::string& text) override;
  int connect_locally() override;

 private:
  std::vector<std::unique_ptr<Shard>>& shards_;
  BrokerLinks& links_;
  const AskServer ask_server_;
  std::size_t next_shard_ = 0;  ///< The thread of the HTTP server only.
};

}  // namespace leveret::server
