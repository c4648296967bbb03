#include "broker/server/broker_control.hpp"

#include <iterator>
#include <utility>

#include "broker/core/control_snapshots.hpp"
#include "broker/core/topology_question.hpp"
#include "broker/server/definitions_spread.hpp"
#include "broker/server/internal_socket.hpp"
#include "broker/server/logging.hpp"

namespace leveret::server {

using broker::DefinitionsSnapshotRef;
using broker::QueueStatus;
using broker::TopologySnapshot;

void BrokerControl::take_definitions(Then<DefinitionsSnapshotRef> then) {
  shards_[0]->post([this, then = std::move(then)] {
    auto snapshot = std::make_shared<broker::DefinitionsSnapshot>(
        broker::snapshot_definitions(shards_[0]->state()));
    snapshot->loopback_only_users = shards_[0]->settings().session->loopback_only_users;
    then(std::move(snapshot));
  });
}

void BrokerControl::take_topology(broker::VhostFilter vhost, Then<TopologySnapshot> then) {
  shards_[0]->post([this, vhost = std::move(vhost), then = std::move(then)] {
    then(broker::snapshot_topology(shards_[0]->state(), vhost));
  });
}

namespace {

/// Goes from shard to shard and gathers what `look` finds.
template <class T>
struct Round {
  std::vector<std::unique_ptr<Shard>>& shards;
  std::function<std::vector<T>(Shard&)> look;
  broker::ControlPort::Then<std::vector<T>> then;
  std::vector<T> gathered{};

  static void visit(std::shared_ptr<Round> round, std::size_t at) {
    Shard& shard = *round->shards[at];
    shard.post([round = std::move(round), at, &shard] {
      auto found = round->look(shard);
      round->gathered.insert(round->gathered.end(), std::make_move_iterator(found.begin()),
                             std::make_move_iterator(found.end()));
      if (at + 1 < round->shards.size()) return visit(round, at + 1);
      round->then(std::move(round->gathered));
    });
  }
};

}  // namespace

void BrokerControl::take_queues(broker::VhostFilter vhost,
                                Then<std::vector<QueueStatus>> then) {
  const auto look = [vhost = std::move(vhost)](Shard& shard) {
    return broker::snapshot_queues(shard.state(), vhost);
  };
  using Queues = Round<QueueStatus>;
  Queues::visit(std::make_shared<Queues>(Queues{shards_, look, std::move(then)}), 0);
}

void BrokerControl::take_delayed(Then<std::vector<broker::DelayedCount>> then) {
  const auto look = [](Shard& shard) { return broker::snapshot_delayed(shard.state()); };
  using Delayed = Round<broker::DelayedCount>;
  Delayed::visit(std::make_shared<Delayed>(Delayed{shards_, look, std::move(then)}), 0);
}

void BrokerControl::take_connections(Then<std::vector<broker::ConnectionStatus>> then) {
  const auto look = [](Shard& shard) {
    std::vector<broker::ConnectionStatus> found;
    shard.for_each_connection([&](const TcpConnection& connection) {
      auto status = connection.status();
      if (status && !status->is_internal) found.push_back(std::move(*status));
    });
    return found;
  };
  using Connections = Round<broker::ConnectionStatus>;
  Connections::visit(std::make_shared<Connections>(Connections{shards_, look, std::move(then)}),
                     0);
}

void BrokerControl::close_connection(broker::ShardId at, broker::ConnectionId id,
                                     std::string reason) {
  Shard& shard = *shards_[static_cast<std::size_t>(at)];
  shard.post([&shard, id, reason = std::move(reason)] {
    shard.for_each_connection([&](TcpConnection& connection) {
      if (connection.session().id() == id) connection.end_forcibly(reason);
    });
  });
}

void BrokerControl::take_node(Then<broker::NodeStatus> then) {
  ask_server_([this, then = std::move(then)](broker::NodeStatus status) {
    shards_[0]->post([this, then, status = std::move(status)]() mutable {
      status.connection_count = shards_[0]->state().controller().connection_count();
      then(std::move(status));
    });
  });
}

void BrokerControl::change(broker::DefinitionChange change, std::string user,
                           Then<Result<void, protocol::AmqpError>> then) {
  shards_[0]->post([this, change = std::move(change), user = std::move(user),
                    then = std::move(then)]() mutable {
    broker::ask_topology(shards_[0]->state(), broker::ChangeDefinition{std::move(change)},
                         std::move(user), std::move(then));
  });
}

void BrokerControl::import(broker::DefinitionsFile definitions,
                           Then<std::vector<std::string>> then) {
  import_definitions(shards_, std::move(definitions),
                     [then = std::move(then)](broker::ImportOutcome outcome) {
                       then(std::move(outcome.problems));
                     });
}

void BrokerControl::warn(const std::string& text) {
  using broker::SessionEvent;
  log_event({SessionEvent::Level::warning, SessionEvent::Category::auth, text});
}

int BrokerControl::connect_locally() {
  return connect_internally(*shards_[next_shard_++ % shards_.size()]);
}

}  // namespace leveret::server
