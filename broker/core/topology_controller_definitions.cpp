// Users, virtual hosts and parameters.

#include <algorithm>
#include <utility>

#include "broker/core/link_parameters.hpp"
#include "broker/core/parameter_keys.hpp"
#include "broker/core/predeclared_exchanges.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/topology_controller.hpp"
#include "broker/core/vhost_metadata.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

std::string user_text(const std::string& name) { return "user '" + name + "'"; }
std::string vhost_text(const std::string& name) { return "vhost '" + name + "'"; }

tl::unexpected<AmqpError> unreadable(const std::string& why) {
  return tl::unexpected(AmqpError::precondition_failed(why));
}

/// Whether anybody looks after such a parameter, beside policies and links.
bool is_known(const ParameterKey& key) {
  if (key.vhost) return key.component == "vhost-limits" || key == vhost_metadata_key(*key.vhost);
  return key.component == global_parameters || key == user_limits_key(key.name) ||
         key == imported_file_key(key.name);
}

tl::unexpected<AmqpError> configured(const std::string& what) {
  return tl::unexpected(AmqpError::precondition_failed(
      what + " cannot be changed here: the configuration says it"));
}

}  // namespace

TopologyDelta TopologyController::restore(StoredDefinitions stored,
                                          std::vector<std::string>& problems) {
  stored_ = std::move(stored);
  writer_.set_highest_removed_number(stored_.highest_removed_number);
  TopologyDelta delta;
  for (const auto& [key, json] : stored_.parameters) {
    if (auto applied = apply_parameter(key, &json, delta); !applied) {
      problems.push_back("the definition of " +
                         describe_definition(ParameterDefinition{key, json}) +
                         " means nothing: " + applied.error().explanation());
    }
  }
  restore_policies();
  replace_users(delta);
  return delta;
}

std::shared_ptr<const Users> TopologyController::effective_users() const {
  auto users = std::make_shared<Users>(stored_.users);
  users->overlay(*configured_users_);
  return users;
}

void TopologyController::replace_users(TopologyDelta& delta) {
  delta.push_back(UsersReplaced{effective_users()});
}

TopologyController::Outcome TopologyController::decide(const ReplaceUsers& request,
                                                       TopologyDelta& delta) {
  for (const std::string& name : request.vhosts) {
    if (shard_.topology().find_vhost(name) == nullptr) add_vhost(name, delta);
  }
  if (!request.event_vhost.empty()) add_event_exchange(request.event_vhost, delta);
  configured_users_ = request.users;
  replace_users(delta);
  return QueueRef{};
}

void TopologyController::add_event_exchange(const std::string& vhost_name, TopologyDelta& delta) {
  Vhost* vhost = shard_.topology().find_vhost(vhost_name);
  const bool is_there =
      vhost != nullptr &&
      shard_.topology().find_exchange(*vhost, EventExchange::name) != nullptr;
  if (is_there) return;
  const bool is_made = std::ranges::any_of(delta, [&](const TopologyChange& change) {
    const auto* added = std::get_if<VhostAdded>(&change);
    return added != nullptr && added->name == vhost_name;
  });
  if (vhost == nullptr && !is_made) add_vhost(vhost_name, delta);
  ExchangeDefinition exchange;
  exchange.vhost = vhost_name;
  exchange.name = EventExchange::name;
  exchange.type = ExchangeType::topic;
  exchange.durable = true;
  exchange.internal = true;
  delta.push_back(ExchangeAdded{std::move(exchange)});
}

TopologyController::Outcome TopologyController::decide(const ChangeDefinition& request,
                                                       TopologyDelta& delta) {
  return std::visit([&](const auto& one) { return change(one, delta); }, request.change);
}

// ---- users ---------------------------------------------------------------------------------

TopologyController::Outcome TopologyController::change(const PutUser& request,
                                                       TopologyDelta& delta) {
  const std::string& name = request.user.name;
  if (configured_users_->find(name) != nullptr) return configured(user_text(name));
  // Permissions may be left of one whom the configuration no longer names.
  if (stored_.users.find(name) == nullptr) forget_user(name);
  stored_.users.add(request.user);
  writer_.define(request.user);
  replace_users(delta);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const DeleteUser& request,
                                                       TopologyDelta& delta) {
  if (configured_users_->find(request.name) != nullptr) return configured(user_text(request.name));
  if (stored_.users.find(request.name) == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + user_text(request.name)));
  }
  forget_user(request.name);
  replace_users(delta);
  return QueueRef{};
}

void TopologyController::forget_user(const std::string& name) {
  stored_.users.remove(name);
  writer_.undefine(user_key(name));
  if (stored_.parameters.erase(user_limits_key(name)) > 0) {
    writer_.undefine(parameter_key(user_limits_key(name)));
  }
  writer_.undefine_all(user_prefix(DefinitionKind::permissions, name));
  writer_.undefine_all(user_prefix(DefinitionKind::topic_permissions, name));
}

// ---- permissions ---------------------------------------------------------------------------

Result<void, AmqpError> TopologyController::check_user_and_vhost(const std::string& user,
                                                                 const std::string& vhost) {
  if (shard_.topology().users().find(user) == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + user_text(user)));
  }
  if (shard_.topology().find_vhost(vhost) == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + vhost_text(vhost)));
  }
  return {};
}

TopologyController::Outcome TopologyController::change(const SetPermissions& request,
                                                       TopologyDelta& delta) {
  const PermissionDefinition& granted = request.granted;
  if (auto checked = check_user_and_vhost(granted.user, granted.vhost); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  if (configured_users_->find_permissions(granted.user, granted.vhost) != nullptr) {
    return configured(describe_definition(granted));
  }
  auto permissions = compile_permissions(granted);
  if (!permissions) return unreadable(permissions.error());
  stored_.users.set_permissions(granted.user, granted.vhost, std::move(*permissions));
  writer_.define(granted);
  replace_users(delta);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const ClearPermissions& request,
                                                       TopologyDelta& delta) {
  const PermissionDefinition named{request.user, request.vhost, {}, {}, {}};
  if (configured_users_->find_permissions(request.user, request.vhost) != nullptr) {
    return configured(describe_definition(named));
  }
  if (stored_.users.find_permissions(request.user, request.vhost) == nullptr) return QueueRef{};
  stored_.users.clear_permissions(request.user, request.vhost);
  writer_.undefine(permissions_key(request.user, request.vhost));
  replace_users(delta);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const SetTopicPermissions& request,
                                                       TopologyDelta& delta) {
  const TopicPermissionDefinition& granted = request.granted;
  if (auto checked = check_user_and_vhost(granted.user, granted.vhost); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  if (configured_users_->has_topic_permissions(granted.user, granted.vhost, granted.exchange)) {
    return configured(describe_definition(granted));
  }
  auto set = stored_.users.set_topic_permissions(granted.user, granted.vhost, granted.exchange,
                                                 granted.permissions);
  if (!set) return unreadable(set.error());
  writer_.define(granted);
  replace_users(delta);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const ClearTopicPermissions& request,
                                                       TopologyDelta& delta) {
  if (request.exchange) {
    stored_.users.clear_topic_permissions(request.user, request.vhost, *request.exchange);
    writer_.undefine(topic_permissions_key(request.user, request.vhost, *request.exchange));
  } else {
    stored_.users.clear_topic_permissions(request.user, request.vhost);
    writer_.undefine_all(topic_permissions_prefix(request.user, request.vhost));
  }
  replace_users(delta);
  return QueueRef{};
}

// ---- virtual hosts -------------------------------------------------------------------------

TopologyController::Outcome TopologyController::change(const AddVhost& request,
                                                       TopologyDelta& delta) {
  if (shard_.topology().find_vhost(request.name) == nullptr) add_vhost(request.name, delta);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const TraceVhost& request,
                                                       TopologyDelta& delta) {
  if (shard_.topology().find_vhost(request.name) == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + vhost_text(request.name)));
  }
  delta.push_back(VhostTracing{request.name, request.is_on});
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const DeleteVhost& request,
                                                       TopologyDelta& delta) {
  const std::string& vhost = request.name;
  if (shard_.topology().find_vhost(vhost) == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + vhost_text(vhost)));
  }
  for (const std::string& user : stored_.users.names_permitted_in(vhost)) {
    writer_.undefine(permissions_key(user, vhost));
    writer_.undefine_all(topic_permissions_prefix(user, vhost));
  }
  stored_.users.remove_vhost(vhost);
  writer_.undefine_all(vhost_prefix(DefinitionKind::parameter, vhost));
  std::erase_if(stored_.parameters, [&](const auto& one) { return one.first.vhost == vhost; });
  vhost_limits_.erase(vhost);
  policies_.remove_vhost(vhost);
  delta.push_back(VhostRemoved{vhost});
  replace_users(delta);
  return QueueRef{};
}

// ---- queues --------------------------------------------------------------------------------

TopologyController::Outcome TopologyController::change(const PauseQueue& request,
                                                       TopologyDelta& delta) {
  Topology& topology = shard_.topology();
  Vhost* vhost = topology.find_vhost(request.vhost);
  if (vhost == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + vhost_text(request.vhost)));
  }
  const QueueRecord* record = topology.find_queue(*vhost, request.queue);
  if (record == nullptr) {
    return tl::unexpected(
        AmqpError::not_found("no " + queue_resource(request.queue, request.vhost)));
  }
  if (record->paused != request.paused) {
    delta.push_back(QueuePaused{request.vhost, request.queue, request.paused});
  }
  return QueueRef{};
}

// ---- parameters ----------------------------------------------------------------------------

Result<void, AmqpError> TopologyController::apply_parameter(const ParameterKey& key,
                                                            const std::string* json,
                                                            TopologyDelta& delta) {
  const auto refuse = [](std::string why) {
    return tl::unexpected(AmqpError::precondition_failed(std::move(why)));
  };
  if (key == user_limits_key(key.name)) {
    auto limits = json == nullptr ? UserLimits{} : parse_user_limits(*json);
    if (!limits) return refuse(std::move(limits.error()));
    stored_.users.set_limits(key.name, *limits);
    replace_users(delta);
  } else if (key.vhost && key.component == "vhost-limits") {
    // RabbitMQ takes others, and crashes on them later.
    if (key != vhost_limits_key(*key.vhost)) return refuse("vhost-limits are named 'limits'");
    auto limits = json == nullptr ? VhostLimits{} : parse_vhost_limits(*json);
    if (!limits) return refuse(std::move(limits.error()));
    vhost_limits_[*key.vhost] = *limits;
  } else if (key.vhost && key == vhost_metadata_key(*key.vhost)) {
    auto metadata = json == nullptr ? VhostMetadata{} : parse_vhost_metadata(*json);
    if (!metadata) return refuse(std::move(metadata.error()));
    delta.push_back(VhostDefaultQueueType{*key.vhost, metadata->default_queue_type});
  }
  return {};
}

TopologyController::Outcome TopologyController::change(const PutParameter& request,
                                                       TopologyDelta& delta) {
  const ParameterKey& key = request.parameter.key;
  if (key.vhost && shard_.topology().find_vhost(*key.vhost) == nullptr) {
    return tl::unexpected(AmqpError::not_found("no " + vhost_text(*key.vhost)));
  }
  if (const auto kind = policy_kind_of(key.component)) {
    return put_policy(*kind, request.parameter, delta);
  }
  if (auto checked = check_link_parameter(request.parameter); !checked) {
    return unreadable(checked.error());
  }
  if (!is_link_component(key.component) && !is_known(key)) {
    return unreadable("Validation failed\n\ncomponent " + key.component + " not found\n");
  }
  if (auto applied = apply_parameter(key, &request.parameter.json, delta); !applied) {
    return tl::unexpected(std::move(applied.error()));
  }
  const auto known = stored_.parameters.find(key);
  if (known != stored_.parameters.end() && known->second == request.parameter.json) {
    return QueueRef{};  // Nobody who works by it has to begin anew.
  }
  stored_.parameters.insert_or_assign(key, request.parameter.json);
  writer_.define(request.parameter);
  for (TopologyObserver* observer : observers_) {
    observer->on_parameter(key, &request.parameter.json);
  }
  return QueueRef{};
}

TopologyController::Outcome TopologyController::change(const DeleteParameter& request,
                                                       TopologyDelta& delta) {
  if (stored_.parameters.erase(request.key) == 0) {
    return tl::unexpected(AmqpError::not_found(
        "no " + describe_definition(ParameterDefinition{request.key, {}})));
  }
  writer_.undefine(parameter_key(request.key));
  apply_parameter(request.key, nullptr, delta);
  const auto kind = policy_kind_of(request.key.component);
  if (kind && request.key.vhost) remove_policy(*kind, request.key, delta);
  for (TopologyObserver* observer : observers_) observer->on_parameter(request.key, nullptr);
  return QueueRef{};
}

}  // namespace leveret::broker
