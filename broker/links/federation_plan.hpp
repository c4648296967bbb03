/// Which exchanges and queues are federated, and from where: what policies and parameters say, kept
/// up with every change, and made into links.
///
/// Owner:  the LinkManager.   Thread: shard 0. The books are the links' thread's.
/// Peer:   rabbit_federation_exchange, rabbit_federation_queue, rabbit_federation_link_sup.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "broker/core/federation_definition.hpp"
#include "broker/core/topology.hpp"
#include "broker/links/binding_book.hpp"
#include "broker/links/link_host.hpp"
#include "broker/core/link_status.hpp"

namespace leveret::links {

using broker::LinkKind;
using broker::LinkState;
using broker::LinkStatus;

class LinkManager;

class FederationPlan {
 public:
  FederationPlan(LinkManager& manager, LinkHost& host, std::string cluster_name)
      : manager_(manager), host_(host), cluster_name_(std::move(cluster_name)) {}

  using Parameters = std::map<broker::ParameterKey, std::string>;
  /// Begins with what there is; both must outlive the plan and be up to date at each call.
  void begin(broker::Topology& topology, const Parameters& parameters);
  void on_delta(const broker::TopologyDelta& delta);
  /// A parameter has changed or gone.
  void on_parameter(const broker::ParameterKey& key);

 private:
  struct Object {
    broker::FederationPolicy policy;
    std::vector<broker::FederationUpstream> upstreams;
    broker::QueueRef queue;             ///< Queues only.
    std::shared_ptr<BindingBook> book;  ///< Exchanges only.
  };
  using ObjectKey = std::tuple<LinkKind, std::string, std::string>;  ///< With vhost and name.

  void follow(const broker::VhostAdded&) {}
  void follow(const broker::VhostRemoved& change);
  void follow(const broker::ExchangeAdded& change);
  void follow(const broker::ExchangeRemoved& change);
  void follow(const broker::QueueAdded& change);
  void follow(const broker::QueueRemoved& change);
  void follow(const broker::BindingAdded& change);
  void follow(const broker::BindingRemoved& change);
  void follow(const broker::ExchangeRedefined& change);
  void follow(const broker::QueueRedefined& change);
  template <class Other>
  void follow(const Other&) {}

  void refresh_exchange(const std::string& vhost, const std::string& name);
  void refresh_queue(const std::string& vhost, const std::string& name);
  void put_exchange_link(const broker::ExchangeDefinition& exchange, const Object& object,
                         const broker::FederationUpstream& upstream, const std::string& key_name);
  void put_queue_link(const broker::QueueDefinitionRef& queue,
                      const broker::FederationUpstream& upstream, const std::string& key_name);
  /// Makes the links that are new or have changed, and stops those that are no longer meant.
  template <class Put>
  void adjust(const ObjectKey& key, std::vector<broker::FederationUpstream> upstreams, Put put);
  void drop(const ObjectKey& key);
  /// A destination has gone, and every binding that led there.
  void forget_destination(const std::string& vhost, bool is_queue, const std::string& name);

  LinkManager& manager_;
  LinkHost& host_;
  const std::string cluster_name_;
  broker::Topology* topology_ = nullptr;
  const Parameters* parameters_ = nullptr;
  std::map<ObjectKey, Object> objects_;
};

}  // namespace leveret::links
