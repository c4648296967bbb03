/// The control port of the running broker.
///
/// Owner:  the Server.   Thread: that of the HTTP server; answers come on a shard's thread.
#pragma once

#include <memory>
#include <vector>

#include "broker/core/control_port.hpp"
#include "broker/server/broker_links.hpp"
#include "broker/server/shard.hpp"

namespace leveret::server {

class BrokerControl final : public broker::ControlPort {
 public:
  BrokerControl(std::vector<std::unique_ptr<Shard>>& shards, BrokerLinks& links)
      : shards_(shards), links_(links) {}

  void take_definitions(Then<broker::DefinitionsSnapshotRef> then) override;
  void take_topology(broker::VhostFilter vhost, Then<broker::TopologySnapshot> then) override;
  void take_queues(broker::VhostFilter vhost,
                   Then<std::vector<broker::QueueStatus>> then) override;
  void take_delayed(Then<std::vector<broker::DelayedCount>> then) override;
  void take_links(Then<std::vector<broker::LinkStatus>> then) override {
    links_.request_status(std::move(then));
  }
  void change(broker::DefinitionChange change, std::string user,
              Then<Result<void, protocol::AmqpError>> then) override;
  void import(broker::DefinitionsFile definitions, Then<std::vector<std::string>> then) override;
  int connect_locally() override;

 private:
  std::vector<std::unique_ptr<Shard>>& shards_;
  BrokerLinks& links_;
  std::size_t next_shard_ = 0;  ///< The thread of the HTTP server only.
};

}  // namespace leveret::server
