#include "broker/server/broker_links.hpp"

#include <utility>

#include "broker/server/internal_socket.hpp"
#include "broker/server/logging.hpp"

namespace leveret::server {

BrokerLinks::BrokerLinks(std::vector<std::unique_ptr<Shard>>& shards, std::string cluster_name)
    : shards_(shards), manager_(*this, std::move(cluster_name)) {}

void BrokerLinks::install() {
  broker::TopologyController& controller = shards_[0]->state().controller();
  controller.add_observer(manager_);
  for (const auto& shard : shards_) shard->state().set_queue_observer(manager_);
  manager_.begin(shards_[0]->state().topology(), controller.stored().parameters);
}

int BrokerLinks::connect_locally() {
  return connect_internally(*shards_[next_shard_++ % shards_.size()]);
}

void BrokerLinks::delete_parameter(const broker::ParameterKey& key) {
  shards_[0]->post([this, key] {
    broker::ChangeDefinition change{broker::DeleteParameter{key}};
    shards_[0]->state().send(broker::ShardId{0}, broker::TopologyRequest{{}, std::move(change)});
  });
}

void BrokerLinks::watch_queue(broker::QueueRef queue, bool is_watched) {
  Shard& home = *shards_[static_cast<std::size_t>(queue.shard)];
  home.post([&home, queue, is_watched] { home.state().watch_queue(queue, is_watched); });
}

void BrokerLinks::log(links::LinkLogLevel level, const std::string& text) {
  switch (level) {
    case links::LinkLogLevel::info: return log_info(text);
    case links::LinkLogLevel::warning: return log_warning(text);
    case links::LinkLogLevel::error: return log_error(text);
  }
}

}  // namespace leveret::server
