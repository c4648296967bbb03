#include "broker/admin/api_overview.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/amqp_client.hpp"
#include "broker/admin/api_cluster.hpp"
#include "broker/admin/exchange_types.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::ListenerStatus;

namespace {

json::array listeners_json(const Call& call, const std::vector<ListenerStatus>& listeners) {
  json::array list;
  for (const ListenerStatus& listener : listeners) {
    list.push_back({{"node", call.node.node_name},
                    {"protocol", listener.protocol},
                    {"ip_address", listener.address},
                    {"port", listener.port},
                    {"socket_opts", json::object()}});
  }
  return list;
}

/// What the caller may see of all that there is.
struct Totals {
  std::uint64_t ready = 0, unacked = 0;
  std::uint64_t queues = 0, exchanges = 0, consumers = 0, connections = 0, channels = 0;
};

Awaitable<Totals> count_all(Call& call) {
  Totals totals;
  const auto may_see = [&call](const std::string& vhost) {
    return call.caller.may_monitor() || call.may_enter(vhost);
  };
  const std::string everywhere;
  const auto queues = co_await take_queues(call, everywhere);
  for (const broker::QueueStatus& queue : queues) {
    if (!may_see(queue.definition->vhost)) continue;
    ++totals.queues;
    totals.ready += queue.ready_count;
    totals.unacked += queue.unacked_count;
    totals.consumers += queue.consumer_count;
  }
  const auto topology = co_await take_topology(call, everywhere);
  for (const broker::ExchangeDefinition& exchange : topology.exchanges) {
    totals.exchanges += may_see(exchange.vhost);
  }
  const auto connections = co_await take_connections(call);
  for (const broker::ConnectionStatus& connection : connections) {
    if (!call.caller.may_monitor() && connection.user != call.caller.name) continue;
    ++totals.connections;
    totals.channels += connection.channels.size();
  }
  co_return totals;
}

}  // namespace

Awaitable<Reply> get_overview(Call& call) {
  const Totals totals = co_await count_all(call);
  const broker::NodeStatus node = co_await take_node(call);
  const std::string compiler = "C++20, " __VERSION__;
  co_return object_reply(
      call, {{"management_version", call.node.compatible_version},
             {"rabbitmq_version", call.node.compatible_version},
             {"product_name", "Leveret"},
             {"product_version", call.node.product_version},
             {"cluster_name", cluster_name(call)},
             {"node", call.node.node_name},
             {"erlang_version", compiler},
             {"erlang_full_version", compiler},
             {"rates_mode", "none"},
             {"sample_retention_policies",
              json::object{{"global", json::array()}, {"basic", json::array()},
                           {"detailed", json::array()}}},
             {"exchange_types", exchange_types_json()},
             {"disable_stats", false},
             {"enable_queue_totals", false},
             {"message_stats", json::object()},
             {"churn_rates", json::object()},
             {"queue_totals", json::object{{"messages", totals.ready + totals.unacked},
                                           {"messages_ready", totals.ready},
                                           {"messages_unacknowledged", totals.unacked}}},
             {"object_totals", json::object{{"connections", totals.connections},
                                            {"channels", totals.channels},
                                            {"exchanges", totals.exchanges},
                                            {"queues", totals.queues},
                                            {"consumers", totals.consumers}}},
             {"statistics_db_event_queue", 0},
             {"listeners", listeners_json(call, node.listeners)},
             {"contexts", json::array()}});
}

Awaitable<Reply> test_aliveness(Call& call) {
  // RabbitMQ leaves a queue of this name behind; ours is nobody else's and goes at once.
  for (const auto operation :
       {broker::Operation::configure, broker::Operation::write, broker::Operation::read}) {
    const auto allowed = call.users().check_access(call.caller.name, call.names[0], operation,
                                                   broker::ResourceKind::queue, "aliveness-test");
    if (!allowed) co_return not_authorised("Access refused.");
  }
  call.caller.name.clear();  // The broker itself.
  OpenedClient opened = co_await open_client(call, call.names[0]);
  if (opened.client == nullptr) co_return refusal_reply(opened.refusal);
  AmqpClient& client = *opened.client;
  protocol::queue::Declare declare;
  declare.exclusive = true;
  client.write(declare);
  const AmqpAnswer declared = co_await client.receive();
  if (!declared.is_ok()) co_return refusal_reply(declared);
  constexpr std::string_view body = "test_message";
  const std::vector<std::byte> no_properties(2);
  client.publish("", declared.queue, false, no_properties, body);
  protocol::basic::Get get;
  get.queue = declared.queue;
  get.no_ack = true;
  client.write(get);
  const AmqpAnswer got = co_await client.receive();
  if (!got.is_ok()) co_return refusal_reply(got);
  co_await client.close();
  if (got.body != body) {
    co_return error_reply(503, "failed", "The message did not come back");
  }
  co_return json_reply(json::object{{"status", "ok"}});
}

}  // namespace leveret::admin
