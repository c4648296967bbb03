/// The links of this broker to others, and what they need of its shards.
///
/// Owner:  the Server.   Thread: install() and the rest of the public part that of the Server.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/links/link_host.hpp"
#include "broker/links/link_manager.hpp"
#include "broker/server/shard.hpp"

namespace leveret::server {

class BrokerLinks final : private links::LinkHost {
 public:
  /// The shards must outlive the links. `cluster_name` is what this broker calls itself.
  BrokerLinks(std::vector<std::unique_ptr<Shard>>& shards, std::string cluster_name);

  /// Makes the links that are defined, and hears of those to come. Requires: the shards have
  /// recovered, and their threads do not run yet.
  void install();
  /// `receive` is called by their thread. Thread: any.
  void request_status(std::function<void(std::vector<broker::LinkStatus>)> receive) {
    manager_.request_status(std::move(receive));
  }
  /// Lets the links connect: clients can, too.
  void start() { manager_.start(); }
  /// Stops all links; `stopped` is called by their thread.
  void begin_stop(std::function<void()> stopped) { manager_.begin_stop(std::move(stopped)); }
  /// Ends their thread. May be called without start(), and again.
  void stop() { manager_.stop(); }

 private:
  int connect_locally() override;
  void delete_parameter(const broker::ParameterKey& key) override;
  void watch_queue(broker::QueueRef queue, bool is_watched) override;
  void log(links::LinkLogLevel level, const std::string& text) override;

  std::vector<std::unique_ptr<Shard>>& shards_;
  std::size_t next_shard_ = 0;  ///< The thread of the links only.
  links::LinkManager manager_;
};

}  // namespace leveret::server
