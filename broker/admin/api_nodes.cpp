#include "broker/admin/api_nodes.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/exchange_types.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;

namespace {

/// What RabbitMQ's tools read of a node; what is about Erlang only is left out, or zero where they
/// insist on it.
json::object json_of(const Call& call, const broker::NodeStatus& node) {
  return {{"name", call.node.node_name},
          {"running", true},
          {"type", "disc"},
          {"being_drained", node.is_stopping},
          {"os_pid", std::to_string(node.process_id)},
          {"uptime", node.uptime_ms},
          {"processors", node.processor_count},
          {"run_queue", 0},
          {"rates_mode", "none"},
          {"mem_used", node.memory_bytes},
          {"mem_limit", node.memory_limit_bytes},
          {"mem_alarm", node.memory_alarm},
          {"mem_calculation_strategy", "rss"},
          {"disk_free", node.disk_free_bytes},
          {"disk_free_limit", node.disk_free_limit_bytes},
          {"disk_free_alarm", node.disk_alarm},
          {"fd_used", node.descriptor_count},
          {"fd_total", node.descriptors_max},
          {"sockets_used", node.connection_count},
          {"sockets_total", node.descriptors_max},
          {"proc_used", node.thread_count},
          {"proc_total", node.threads_max},
          {"partitions", json::array()},
          {"cluster_links", json::array()},
          {"enabled_plugins", json::array()},
          {"applications", json::array{json::object{{"name", "leveret"},
                                                    {"description", "Leveret"},
                                                    {"version", call.node.product_version}}}},
          {"contexts", json::array()},
          {"log_files", json::array()},
          {"config_files", json::array()},
          {"db_dir", node.data_dir},
          {"exchange_types", exchange_types_json()}};
}

}  // namespace

Awaitable<Reply> list_nodes(Call& call) {
  const broker::NodeStatus node = co_await take_node(call);
  json::array list;
  list.push_back(json_of(call, node));
  co_return list_reply(call, std::move(list), Paging::never);
}

Awaitable<Reply> get_node(Call& call) {
  if (call.names[0] != call.node.node_name) co_return not_found();
  const broker::NodeStatus node = co_await take_node(call);
  co_return object_reply(call, json_of(call, node));
}

}  // namespace leveret::admin
