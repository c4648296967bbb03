/// A control port for tests of what needs none.
#pragma once

#include "broker/core/control_port.hpp"

namespace leveret::admin {

class IdlePort final : public broker::ControlPort {
 public:
  void take_definitions(Then<broker::DefinitionsSnapshotRef>) override {}
  void take_topology(broker::VhostFilter, Then<broker::TopologySnapshot>) override {}
  void take_queues(broker::VhostFilter, Then<std::vector<broker::QueueStatus>>) override {}
  void take_delayed(Then<std::vector<broker::DelayedCount>>) override {}
  void take_links(Then<std::vector<broker::LinkStatus>>) override {}
  void take_node(Then<broker::NodeStatus>) override {}
  void change(broker::DefinitionChange, std::string,
              Then<Result<void, protocol::AmqpError>>) override {}
  void import(broker::DefinitionsFile, Then<std::vector<std::string>>) override {}
  void take_connections(Then<std::vector<broker::ConnectionStatus>>) override {}
  void close_connection(broker::ShardId, broker::ConnectionId, std::string) override {}
  void warn(const std::string&) override {}
  int connect_locally() override { return -1; }
};

}  // namespace leveret::admin
