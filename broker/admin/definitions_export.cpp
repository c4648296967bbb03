#include "broker/admin/definitions_export.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "broker/admin/definition_json.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::BindingDefinition;
using broker::ExchangeDefinition;
using broker::QueueDefinitionRef;
using broker::TopologySnapshot;

namespace {

using VhostAndName = std::pair<std::string_view, std::string_view>;

/// Texts with the name of the virtual host among them, or without it.
enum class Naming : std::uint8_t { with_vhost, without_vhost };

json::object begin(Naming naming, const std::string& vhost) {
  return naming == Naming::with_vhost ? json::object{{"vhost", vhost}} : json::object();
}

bool is_always_there(std::string_view exchange) {
  return exchange.empty() || exchange.starts_with("amq.");
}

json::array queues_json(const TopologySnapshot& topology, Naming naming) {
  std::vector<QueueDefinitionRef> queues;
  for (const QueueDefinitionRef& queue : topology.queues) {
    if (!queue->exclusive()) queues.push_back(queue);
  }
  std::ranges::sort(queues, {}, [](const QueueDefinitionRef& queue) {
    return VhostAndName(queue->vhost, queue->name);
  });
  json::array rows;
  for (const QueueDefinitionRef& queue : queues) {
    json::object row = begin(naming, queue->vhost);
    row["name"] = queue->name;
    row["durable"] = queue->durable;
    row["auto_delete"] = queue->auto_delete;
    row["arguments"] = broker::json_of_table(queue->arguments);
    rows.push_back(std::move(row));
  }
  return rows;
}

json::array exchanges_json(const TopologySnapshot& topology, Naming naming) {
  std::vector<const ExchangeDefinition*> exchanges;
  for (const ExchangeDefinition& exchange : topology.exchanges) {
    if (!is_always_there(exchange.name)) exchanges.push_back(&exchange);
  }
  std::ranges::sort(exchanges, {}, [](const ExchangeDefinition* exchange) {
    return VhostAndName(exchange->vhost, exchange->name);
  });
  json::array rows;
  for (const ExchangeDefinition* exchange : exchanges) {
    json::object row = begin(naming, exchange->vhost);
    row["name"] = exchange->name;
    row["type"] = broker::exchange_type_name(exchange->type);
    row["durable"] = exchange->durable;
    row["auto_delete"] = exchange->auto_delete;
    row["internal"] = exchange->internal;
    row["arguments"] = broker::json_of_table(exchange->arguments);
    rows.push_back(std::move(row));
  }
  return rows;
}

json::array bindings_json(const TopologySnapshot& topology, Naming naming) {
  std::set<VhostAndName> exclusive;
  for (const QueueDefinitionRef& queue : topology.queues) {
    if (queue->exclusive()) exclusive.emplace(queue->vhost, queue->name);
  }
  std::vector<const BindingDefinition*> bindings;
  for (const BindingDefinition& binding : topology.bindings) {
    if (binding.to_queue && exclusive.contains({binding.vhost, binding.destination})) continue;
    bindings.push_back(&binding);
  }
  std::ranges::stable_sort(bindings, {}, [](const BindingDefinition* binding) {
    return std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>(
        binding->vhost, binding->source, binding->destination, binding->routing_key);
  });
  json::array rows;
  for (const BindingDefinition* binding : bindings) {
    json::object row{{"source", binding->source}};
    if (naming == Naming::with_vhost) row["vhost"] = binding->vhost;
    row["destination"] = binding->destination;
    row["destination_type"] = binding->to_queue ? "queue" : "exchange";
    row["routing_key"] = binding->routing_key;
    row["arguments"] = broker::json_of_table(binding->arguments);
    rows.push_back(std::move(row));
  }
  return rows;
}

json::array vhosts_json(const Call& call) {
  json::array rows;
  for (const auto& [name, vhost] : call.definitions->vhosts) {
    rows.push_back(vhost_definition_json(*call.definitions, name));
  }
  return rows;
}

/// Policies and parameters of one virtual host, or of all.
void add_parameters(const Call& call, const std::string* vhost, json::object& file) {
  json::array parameters, policies;
  for (const auto& [key, text] : call.definitions->parameters) {
    if (!key.vhost || (vhost != nullptr && key.vhost != *vhost)) continue;
    if (key.component == "policy") {
      policies.push_back(policy_json(key, text));
    } else if (is_plain_parameter(key)) {
      parameters.push_back(parameter_json(key, text));
    }
  }
  file["parameters"] = std::move(parameters);
  file["policies"] = std::move(policies);
}

json::array global_parameters_json(const Call& call) {
  json::array rows;
  for (const auto& [key, text] : call.definitions->parameters) {
    if (!key.vhost && key.component == broker::global_parameters) {
      rows.push_back(parameter_json(key, text));
    }
  }
  return rows;
}

json::array users_json(const Call& call) {
  json::array rows;
  call.users().for_each_user([&](const broker::User& user) {
    rows.push_back(user_json(*call.definitions, user));
  });
  return rows;
}

}  // namespace

json::object export_definitions(const Call& call, const TopologySnapshot& topology) {
  json::object file{{"rabbit_version", call.node.compatible_version},
                    {"rabbitmq_version", call.node.compatible_version},
                    {"product_name", "Leveret"},
                    {"product_version", call.node.product_version}};
  file["users"] = users_json(call);
  file["vhosts"] = vhosts_json(call);
  file["permissions"] = permissions_json(call.users(), {});
  file["topic_permissions"] = topic_permissions_json(call.users(), {});
  add_parameters(call, nullptr, file);
  file["global_parameters"] = global_parameters_json(call);
  file["queues"] = queues_json(topology, Naming::with_vhost);
  file["exchanges"] = exchanges_json(topology, Naming::with_vhost);
  file["bindings"] = bindings_json(topology, Naming::with_vhost);
  return file;
}

json::object export_vhost_definitions(const Call& call, const std::string& vhost,
                                      const TopologySnapshot& topology) {
  json::object file{{"rabbit_version", call.node.compatible_version}};
  add_parameters(call, &vhost, file);
  file["queues"] = queues_json(topology, Naming::without_vhost);
  file["exchanges"] = exchanges_json(topology, Naming::without_vhost);
  file["bindings"] = bindings_json(topology, Naming::without_vhost);
  return file;
}

}  // namespace leveret::admin
