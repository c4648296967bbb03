/// All links of this broker to others, and the thread that they run on.
///
/// A link is made when its definition comes, made anew when that changes, and stopped when it goes:
/// the old one has closed its connections before the new one opens any.
///
/// Owner:  the Server.   Thread: each method says its own; the links have one, which locks nothing.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "broker/core/topology_observer.hpp"
#include "broker/links/federation_plan.hpp"
#include "broker/links/link.hpp"

namespace leveret::links {

/// What tells one link from another.
struct LinkKey {
  LinkKind kind = LinkKind::shovel;
  std::string vhost, name, upstream;
  auto operator<=>(const LinkKey&) const = default;
};

/// Makes a link on the thread of the links. Null: it cannot be made.
using LinkFactory = std::function<std::unique_ptr<Link>(boost::asio::io_context&, LinkHost&)>;

class LinkManager final : public broker::TopologyObserver, public broker::QueueObserver {
 public:
  /// `host` must outlive the manager.
  LinkManager(LinkHost& host, std::string cluster_name);
  ~LinkManager();

  // ---- any thread ----
  /// Starts the thread.
  void start();
  /// Stops all links and takes no more. `stopped` is called on the thread of the links.
  void begin_stop(std::function<void()> stopped);
  /// Ends the thread, whatever the links do. May be called without start().
  void stop();
  /// Tells how all links are, on the thread of the links.
  void request_status(std::function<void(std::vector<LinkStatus>)> receive);

  /// Makes a link, in the place of the one of that key when that has stopped.
  void put(const LinkKey& key, LinkFactory factory);
  /// Stops a link, if there is one.
  void remove(const LinkKey& key);
  /// Does something on the thread of the links, behind all that was asked before.
  void run(std::function<void()> task);
  /// Tells something to the links of an exchange or queue.
  void tell(LinkKind kind, const std::string& vhost, const std::string& name,
            std::function<void(Link&)> what);

  // ---- QueueObserver: the home shard of the queue ----
  void on_hunger(broker::QueueRef queue, bool is_hungry) override;
  void forget_hunger(broker::QueueRef queue);
  /// The thread of the links.
  bool is_hungry(broker::QueueRef queue) const { return hungry_.contains(queue); }

  // ---- TopologyObserver: shard 0 ----
  /// Makes the links that are defined at the start. Both must outlive the manager.
  void begin(broker::Topology& topology, const FederationPlan::Parameters& parameters);
  void on_delta(const broker::TopologyDelta& delta) override;
  void on_parameter(const broker::ParameterKey& key, const std::string* json) override;

 private:
  struct Place {
    std::unique_ptr<Link> link;  ///< Null: none yet.
    LinkFactory next;            ///< What comes when the link has stopped; null: nothing.
    bool is_stopping = false;
  };

  void make(const LinkKey& key, Place& place, const LinkFactory& factory);
  void stop_link(const LinkKey& key, Place& place);
  void on_stopped(const LinkKey& key);
  void check_all_stopped();

  LinkHost& host_;
  const std::string cluster_name_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;
  std::thread thread_;
  std::map<LinkKey, Place> places_;  ///< The thread of the links only.
  std::set<broker::QueueRef> hungry_;        ///< Also.
  FederationPlan federation_;                ///< Shard 0 only.
  bool is_stopping_ = false;
  std::function<void()> stopped_;
};

}  // namespace leveret::links
