#include "broker/admin/api_bindings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/amqp_client.hpp"
#include "broker/admin/body.hpp"
#include "broker/admin/list_query.hpp"
#include "broker/admin/message_json.hpp"
#include "broker/admin/properties_key.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::BindingDefinition;
using broker::TopologySnapshot;

namespace {

json::object json_of(const BindingDefinition& binding) {
  return {{"source", binding.source},
          {"vhost", binding.vhost},
          {"destination", binding.destination},
          {"destination_type", binding.to_queue ? "queue" : "exchange"},
          {"routing_key", binding.routing_key},
          {"arguments", broker::json_of_table(binding.arguments)},
          {"properties_key", properties_key(binding)}};
}

/// The binding that each queue has to the default exchange, by its name.
void add_default_bindings(TopologySnapshot& topology) {
  for (const auto& queue : topology.queues) {
    topology.bindings.push_back({queue->vhost, "", true, queue->name, queue->name, {}});
  }
}

template <class Chosen>
Reply list(const Call& call, TopologySnapshot& topology, Chosen&& is_chosen) {
  add_default_bindings(topology);
  std::ranges::sort(topology.bindings, {}, [](const BindingDefinition& binding) {
    return std::tie(binding.vhost, binding.source, binding.to_queue, binding.destination,
                    binding.routing_key);
  });
  json::array rows;
  for (const BindingDefinition& binding : topology.bindings) {
    if (!call.caller.is_administrator() && !call.may_enter(binding.vhost)) continue;
    if (is_chosen(binding)) rows.push_back(json_of(binding));
  }
  return list_reply(call, std::move(rows), Paging::never);
}

bool has_exchange(const TopologySnapshot& topology, std::string_view name) {
  return std::ranges::any_of(topology.exchanges,
                             [&](const auto& exchange) { return exchange.name == name; });
}

bool has_queue(const TopologySnapshot& topology, std::string_view name) {
  return std::ranges::any_of(topology.queues,
                             [&](const auto& queue) { return queue->name == name; });
}

/// Both ends of the route "bindings/:vhost/e/:source/:kind/:destination", kind being e or q.
struct Ends {
  std::string source, destination;
  bool to_queue = true;

  bool are_of(const BindingDefinition& binding) const {
    return binding.source == source && binding.to_queue == to_queue &&
           binding.destination == destination;
  }
  /// RabbitMQ asks only for the destination: of a source that is not there the list is empty.
  bool lead_somewhere(const TopologySnapshot& topology) const {
    return to_queue ? has_queue(topology, destination) : has_exchange(topology, destination);
  }
};

/// Nothing: the kind is none.
std::optional<Ends> ends_of(const Call& call) {
  const std::string& kind = call.names[2];
  if (kind != "q" && kind != "e") return std::nullopt;
  Ends ends{exchange_named(call.names[1]), call.names[3], kind == "q"};
  if (!ends.to_queue) ends.destination = exchange_named(ends.destination);
  return ends;
}

/// The binding that the route's last name means.
std::optional<BindingDefinition> find_binding(const Call& call, const Ends& ends,
                                              TopologySnapshot& topology) {
  add_default_bindings(topology);
  for (BindingDefinition& binding : topology.bindings) {
    if (ends.are_of(binding) && properties_key(binding) == call.names[4]) {
      return std::move(binding);
    }
  }
  return std::nullopt;
}

}  // namespace

Awaitable<Reply> list_bindings(Call& call) {
  const std::string vhost = call.names.empty() ? "" : call.names[0];
  TopologySnapshot topology = co_await take_topology(call, vhost);
  co_return list(call, topology, [](const BindingDefinition&) { return true; });
}

Awaitable<Reply> list_bindings_of_queue(Call& call) {
  TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  if (!has_queue(topology, call.names[1])) co_return not_found();
  co_return list(call, topology, [&](const BindingDefinition& binding) {
    return binding.to_queue && binding.destination == call.names[1];
  });
}

Awaitable<Reply> list_bindings_from_exchange(Call& call) {
  TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  const std::string name = exchange_named(call.names[1]);
  if (!has_exchange(topology, name)) co_return not_found();
  co_return list(call, topology,
                 [&](const BindingDefinition& binding) { return binding.source == name; });
}

Awaitable<Reply> list_bindings_to_exchange(Call& call) {
  TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  const std::string name = exchange_named(call.names[1]);
  if (!has_exchange(topology, name)) co_return not_found();
  co_return list(call, topology, [&](const BindingDefinition& binding) {
    return !binding.to_queue && binding.destination == name;
  });
}

Awaitable<Reply> list_bindings_to(Call& call) {
  const auto ends = ends_of(call);
  if (!ends) co_return not_found();
  TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  if (!ends->lead_somewhere(topology)) co_return not_found();
  co_return list(call, topology,
                 [&](const BindingDefinition& binding) { return ends->are_of(binding); });
}

Awaitable<Reply> post_binding(Call& call) {
  const auto ends = ends_of(call);
  if (!ends) co_return not_found();
  const auto key = text_in(call.body, "routing_key");
  const auto arguments = arguments_in(call.body);
  if (!key) co_return bad_request(key.error());
  if (!arguments) co_return bad_request(arguments.error());
  BindingDefinition binding{call.names[0],         ends->source, ends->to_queue, ends->destination,
                            key->value_or(""), *arguments};
  if (binding.routing_key.size() > 255) {
    co_return bad_request("routing_key is longer than 255 bytes");
  }
  const std::vector<std::byte> table = encode_table(binding.arguments);
  OpenedClient opened = co_await open_client(call, binding.vhost);
  if (opened.client == nullptr) co_return refusal_reply(opened.refusal);
  if (binding.to_queue) {
    protocol::queue::Bind bind;
    bind.queue = binding.destination;
    bind.exchange = binding.source;
    bind.routing_key = binding.routing_key;
    bind.arguments = protocol::TableView{table};
    opened.client->write(bind);
  } else {
    protocol::exchange::Bind bind;
    bind.destination = binding.destination;
    bind.source = binding.source;
    bind.routing_key = binding.routing_key;
    bind.arguments = protocol::TableView{table};
    opened.client->write(bind);
  }
  const AmqpAnswer answer = co_await opened.client->receive();
  if (!answer.is_ok()) co_return refusal_reply(answer);
  co_await opened.client->close();
  Reply reply = empty_reply(201);
  reply.headers.emplace_back("Location", percent_encode(call.names[3]) + "/" +
                                             percent_encode(properties_key(binding)));
  co_return reply;
}

Awaitable<Reply> get_binding(Call& call) {
  const auto ends = ends_of(call);
  if (!ends) co_return not_found();
  TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  const auto binding = find_binding(call, *ends, topology);
  if (!binding) co_return not_found();
  co_return object_reply(call, json_of(*binding));
}

Awaitable<Reply> delete_binding(Call& call) {
  const auto ends = ends_of(call);
  if (!ends) co_return not_found();
  TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  const auto binding = find_binding(call, *ends, topology);
  if (!binding) co_return not_found();
  const std::vector<std::byte> table = encode_table(binding->arguments);
  OpenedClient opened = co_await open_client(call, binding->vhost);
  if (opened.client == nullptr) co_return refusal_reply(opened.refusal);
  if (binding->to_queue) {
    protocol::queue::Unbind unbind;
    unbind.queue = binding->destination;
    unbind.exchange = binding->source;
    unbind.routing_key = binding->routing_key;
    unbind.arguments = protocol::TableView{table};
    opened.client->write(unbind);
  } else {
    protocol::exchange::Unbind unbind;
    unbind.destination = binding->destination;
    unbind.source = binding->source;
    unbind.routing_key = binding->routing_key;
    unbind.arguments = protocol::TableView{table};
    opened.client->write(unbind);
  }
  const AmqpAnswer answer = co_await opened.client->receive();
  if (!answer.is_ok()) co_return refusal_reply(answer);
  co_await opened.client->close();
  co_return empty_reply(204);
}

}  // namespace leveret::admin
