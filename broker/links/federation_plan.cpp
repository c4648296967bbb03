#include "broker/links/federation_plan.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/effective_settings.hpp"
#include "broker/links/exchange_link.hpp"
#include "broker/links/link_manager.hpp"
#include "broker/links/queue_link.hpp"

namespace leveret::links {

using broker::FederationPolicy;
using broker::FederationUpstream;
using broker::MatchedPolicies;

namespace {

FederationPolicy federation_policy(const MatchedPolicies& matched) {
  const auto settings_of = [](const broker::PolicyRef& policy) {
    return policy == nullptr ? nullptr : &policy->settings();
  };
  const broker::PolicySettings merged =
      broker::merge_policies(settings_of(matched.policy), settings_of(matched.operator_policy));
  return {merged.federation_upstream, merged.federation_upstream_set,
          merged.federation_upstream_pattern};
}

std::string policy_name(const MatchedPolicies& matched) {
  return matched.policy == nullptr ? "" : matched.policy->name();
}

/// A set may name an upstream more than once.
std::string key_name(const std::vector<FederationUpstream>& upstreams, std::size_t at) {
  const std::string& name = upstreams[at].name;
  const auto earlier = std::count_if(
      upstreams.begin(), upstreams.begin() + static_cast<std::ptrdiff_t>(at),
      [&](const FederationUpstream& upstream) { return upstream.name == name; });
  return earlier == 0 ? name : name + " #" + std::to_string(earlier + 1);
}

}  // namespace

void FederationPlan::begin(broker::Topology& topology, const Parameters& parameters) {
  topology_ = &topology;
  parameters_ = &parameters;
  for (const broker::Vhost* vhost : topology.vhosts()) {
    for (const auto* exchange : topology.exchanges_of(*vhost)) {
      refresh_exchange(vhost->name, exchange->name);
    }
    for (const auto& queue : topology.queues_of(*vhost)) refresh_queue(vhost->name, queue->name);
  }
}

void FederationPlan::on_delta(const broker::TopologyDelta& delta) {
  for (const broker::TopologyChange& change : delta) {
    std::visit([&](const auto& one) { follow(one); }, change);
  }
}

void FederationPlan::on_parameter(const broker::ParameterKey& key) {
  if (!key.vhost || !key.component.starts_with("federation-upstream")) return;
  std::vector<ObjectKey> affected;
  for (const auto& [object_key, object] : objects_) {
    if (std::get<1>(object_key) == *key.vhost) affected.push_back(object_key);
  }
  for (const auto& [kind, vhost, name] : affected) {
    if (kind == LinkKind::exchange_federation) {
      refresh_exchange(vhost, name);
    } else {
      refresh_queue(vhost, name);
    }
  }
}

// ---- changes of the topology ---------------------------------------------------------------

void FederationPlan::follow(const broker::VhostRemoved& change) {
  std::vector<ObjectKey> gone;
  for (const auto& [key, object] : objects_) {
    if (std::get<1>(key) == change.name) gone.push_back(key);
  }
  for (const ObjectKey& key : gone) drop(key);
}

void FederationPlan::follow(const broker::ExchangeAdded& change) {
  refresh_exchange(change.definition.vhost, change.definition.name);
}

void FederationPlan::follow(const broker::ExchangeRedefined& change) {
  refresh_exchange(change.vhost, change.name);
}

void FederationPlan::follow(const broker::ExchangeRemoved& change) {
  drop({LinkKind::exchange_federation, change.vhost, change.name});
  forget_destination(change.vhost, false, change.name);
}

void FederationPlan::follow(const broker::QueueAdded& change) {
  refresh_queue(change.definition->vhost, change.definition->name);
}

void FederationPlan::follow(const broker::QueueRedefined& change) {
  refresh_queue(change.definition->vhost, change.definition->name);
}

void FederationPlan::follow(const broker::QueueRemoved& change) {
  drop({LinkKind::queue_federation, change.vhost, change.name});
  forget_destination(change.vhost, true, change.name);
}

void FederationPlan::follow(const broker::BindingAdded& change) {
  const broker::BindingDefinition& binding = change.binding;
  const auto place =
      objects_.find({LinkKind::exchange_federation, binding.vhost, binding.source});
  if (place == objects_.end()) return;
  manager_.run([book = place->second.book, binding] { book->add(binding); });
  manager_.tell(LinkKind::exchange_federation, binding.vhost, binding.source,
                [binding](Link& link) { link.add_binding(binding); });
}

void FederationPlan::follow(const broker::BindingRemoved& change) {
  const broker::BindingDefinition& binding = change.binding;
  const auto place =
      objects_.find({LinkKind::exchange_federation, binding.vhost, binding.source});
  if (place == objects_.end()) return;
  manager_.run([book = place->second.book, binding] { book->remove(binding); });
  manager_.tell(LinkKind::exchange_federation, binding.vhost, binding.source,
                [binding](Link& link) { link.remove_binding(binding); });
}

void FederationPlan::forget_destination(const std::string& vhost, bool is_queue,
                                        const std::string& name) {
  for (const auto& [key, object] : objects_) {
    const auto& [kind, object_vhost, exchange] = key;
    if (kind != LinkKind::exchange_federation || object_vhost != vhost) continue;
    manager_.run([book = object.book, is_queue, name] {
      book->forget_destination(is_queue, name);
    });
    manager_.tell(kind, vhost, exchange, [is_queue, name](Link& link) {
      link.forget_destination(is_queue, name);
    });
  }
}

// ---- what is federated ---------------------------------------------------------------------

void FederationPlan::refresh_exchange(const std::string& vhost_name, const std::string& name) {
  const ObjectKey key{LinkKind::exchange_federation, vhost_name, name};
  broker::Vhost* vhost = topology_->find_vhost(vhost_name);
  const broker::ExchangeRecord* record =
      vhost == nullptr ? nullptr : topology_->find_exchange(*vhost, name);
  if (record == nullptr || name.empty() || record->definition.internal) return drop(key);
  const broker::ExchangeDefinition& exchange = record->definition;
  const FederationPolicy policy = federation_policy(exchange.policies);
  if (!policy.is_set()) return drop(key);
  Object& object = objects_[key];
  if (object.book == nullptr) {
    object.book = std::make_shared<BindingBook>();
    for (const auto& binding : topology_->bindings_from(*vhost, *record)) {
      object.book->add(binding);  // No link knows the book yet.
    }
  }
  adjust(key, broker::upstreams_of(policy, *parameters_, vhost_name, name),
         [&](const FederationUpstream& upstream, const std::string& link_name) {
           put_exchange_link(exchange, object, upstream, link_name);
         });
}

void FederationPlan::refresh_queue(const std::string& vhost_name, const std::string& name) {
  const ObjectKey key{LinkKind::queue_federation, vhost_name, name};
  broker::Vhost* vhost = topology_->find_vhost(vhost_name);
  const broker::QueueRecord* record =
      vhost == nullptr ? nullptr : topology_->find_queue(*vhost, name);
  if (record == nullptr) return drop(key);
  const broker::QueueDefinitionRef queue = record->definition;
  const FederationPolicy policy = federation_policy(broker::matched_policies(*queue));
  if (!policy.is_set()) return drop(key);
  if (Object& object = objects_[key]; object.queue != queue->ref) {
    object.queue = queue->ref;
    host_.watch_queue(queue->ref, true);
  }
  adjust(key, broker::upstreams_of(policy, *parameters_, vhost_name, name),
         [&](const FederationUpstream& upstream, const std::string& link_name) {
           put_queue_link(queue, upstream, link_name);
         });
}

template <class Put>
void FederationPlan::adjust(const ObjectKey& key, std::vector<FederationUpstream> upstreams,
                            Put put) {
  Object& object = objects_[key];
  const auto& [kind, vhost, name] = key;
  std::map<std::string, const FederationUpstream*> before;
  for (std::size_t at = 0; at < object.upstreams.size(); ++at) {
    before.emplace(key_name(object.upstreams, at), &object.upstreams[at]);
  }
  for (std::size_t at = 0; at < upstreams.size(); ++at) {
    const std::string link_name = key_name(upstreams, at);
    const auto known = before.find(link_name);
    const bool is_same = known != before.end() && *known->second == upstreams[at];
    if (known != before.end()) before.erase(known);
    if (!is_same) put(upstreams[at], link_name);
  }
  for (const auto& [link_name, upstream] : before) {
    manager_.remove({kind, vhost, name, link_name});
  }
  object.upstreams = std::move(upstreams);
}

void FederationPlan::drop(const ObjectKey& key) {
  const auto place = objects_.find(key);
  if (place == objects_.end()) return;
  const auto& [kind, vhost, name] = key;
  const std::vector<FederationUpstream>& upstreams = place->second.upstreams;
  for (std::size_t at = 0; at < upstreams.size(); ++at) {
    manager_.remove({kind, vhost, name, key_name(upstreams, at)});
  }
  if (kind == LinkKind::queue_federation) {
    host_.watch_queue(place->second.queue, false);
    manager_.forget_hunger(place->second.queue);
  }
  objects_.erase(place);
}

void FederationPlan::put_exchange_link(const broker::ExchangeDefinition& exchange,
                                       const Object& object, const FederationUpstream& upstream,
                                       const std::string& link_name) {
  manager_.put({LinkKind::exchange_federation, exchange.vhost, exchange.name, link_name},
               [exchange, upstream, policy = policy_name(exchange.policies), book = object.book,
                cluster_name = cluster_name_](boost::asio::io_context& context,
                                              LinkHost& host) -> std::unique_ptr<Link> {
                 return std::make_unique<ExchangeLink>(context, host, cluster_name, exchange,
                                                       upstream, policy, book->all());
               });
}

void FederationPlan::put_queue_link(const broker::QueueDefinitionRef& queue,
                                    const FederationUpstream& upstream,
                                    const std::string& link_name) {
  manager_.put({LinkKind::queue_federation, queue->vhost, queue->name, link_name},
               [this, queue, upstream, policy = policy_name(broker::matched_policies(*queue))](
                   boost::asio::io_context& context, LinkHost& host) -> std::unique_ptr<Link> {
                 return std::make_unique<QueueLink>(context, host, queue, upstream, policy,
                                                    manager_.is_hungry(queue->ref));
               });
}

}  // namespace leveret::links
