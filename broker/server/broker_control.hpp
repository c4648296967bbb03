/// The control port of the running broker.
///
/// Owner:  the Server.   Thread: any; answers come on a shard's thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "broker/core/control_port.hpp"
#include "broker/server/shard.hpp"

namespace leveret::server {

class BrokerControl final : public broker::ControlPort {
 public:
  /// `connect_locally` gives one end of a socket pair whose other end a shard has.
  BrokerControl(std::vector<std::unique_ptr<Shard>>& shards, std::function<int()> connect_locally)
      : shards_(shards), connect_locally_(std::move(connect_locally)) {}

  void take_definitions(Then<broker::DefinitionsSnapshotRef> then) override;
  void take_topology(broker::VhostFilter vhost, Then<broker::TopologySnapshot> then) override;
  void take_queues(broker::VhostFilter vhost,
                   Then<std::vector<broker::QueueStatus>> then) override;
  void change(broker::DefinitionChange change, std::string user,
              Then<Result<void, protocol::AmqpError>> then) override;
  void import(broker::DefinitionsFile definitions, Then<std::vector<std::string>> then) override;
  int connect_locally() override { return connect_locally_(); }

 private:
  std::vector<std::unique_ptr<Shard>>& shards_;
  std::function<int()> connect_locally_;
};

}  // namespace leveret::server
