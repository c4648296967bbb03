#include "broker/admin/api_health.hpp"

#include <boost/json/array.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace leveret::admin {

namespace json = boost::json;
using broker::ListenerStatus;
using broker::NodeStatus;

namespace {

Reply healthy(json::object more = {}) {
  json::object body{{"status", "ok"}};
  for (auto& [key, value] : more) body[key] = std::move(value);
  return json_reply(body);
}

Reply failed(std::string_view reason, json::object more = {}) {
  json::object body{{"status", "failed"}, {"reason", reason}};
  for (auto& [key, value] : more) body[key] = std::move(value);
  Reply reply = json_reply(body);
  reply.status = 503;
  return reply;
}

/// A whole number and nothing else.
std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [place, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || place != end) return std::nullopt;
  return number;
}

/// The name of a protocol as listeners have it, whichever RabbitMQ would take.
std::string protocol_named(std::string_view name) {
  std::string lower(name);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  for (const char* plain : {"amqp", "amqp091", "amqp0.9.1", "amqp0-9-1", "amqp1.0", "amqp10"}) {
    if (lower == plain) return "amqp";
  }
  for (const char* secure : {"amqps", "amqp/ssl", "amqp/tls"}) {
    if (lower == secure) return "amqp/ssl";
  }
  return lower;
}

bool speaks(const NodeStatus& node, const std::string& protocol) {
  return std::ranges::any_of(node.listeners, [&](const ListenerStatus& listener) {
    return listener.protocol == protocol;
  });
}

bool is_below_limit(const NodeStatus& node) {
  return node.connections_max == 0 || node.connection_count < node.connections_max;
}

json::object connections_json(const NodeStatus& node) {
  json::object object{{"connections", node.connection_count}};
  object["limit"] = node.connections_max == 0 ? json::value("infinity")
                                              : json::value(node.connections_max);
  return object;
}

constexpr std::string_view out_of_service = "the broker is stopping";
constexpr std::string_view at_the_limit = "node connection limit is reached";

}  // namespace

Awaitable<Reply> check_alarms(Call& call) {
  const NodeStatus node = co_await take_node(call);
  json::array alarms;
  const auto add = [&](bool is_in_effect, const char* resource) {
    if (!is_in_effect) return;
    alarms.push_back(json::object{{"node", call.node.node_name}, {"resource", resource}});
  };
  add(node.memory_alarm, "memory");
  add(node.disk_alarm, "disk");
  if (alarms.empty()) co_return healthy();
  json::object more;
  more["alarms"] = std::move(alarms);
  co_return failed("There are alarms in effect", std::move(more));
}

Awaitable<Reply> check_virtual_hosts(Call&) {
  // One that exists is served: there is no process of its own that could be down.
  co_return healthy();
}

Awaitable<Reply> check_port_listener(Call& call) {
  const auto port = parse_number(call.names[0]);
  if (!port) co_return bad_request("Invalid port");
  const NodeStatus node = co_await take_node(call);
  std::set<std::uint16_t> ports;
  for (const ListenerStatus& listener : node.listeners) ports.insert(listener.port);
  json::object more;
  if (*port >= 0 && *port <= UINT16_MAX && ports.contains(static_cast<std::uint16_t>(*port))) {
    more["port"] = *port;
    co_return healthy(std::move(more));
  }
  more["missing"] = *port;
  more["ports"] = json::array(ports.begin(), ports.end());
  co_return failed("No active listener", std::move(more));
}

Awaitable<Reply> check_protocol_listener(Call& call) {
  const std::string protocol = protocol_named(call.names[0]);
  const NodeStatus node = co_await take_node(call);
  json::object more;
  if (speaks(node, protocol)) {
    more["protocol"] = protocol;
    co_return healthy(std::move(more));
  }
  std::set<std::string> protocols;
  for (const ListenerStatus& listener : node.listeners) protocols.insert(listener.protocol);
  more["missing"] = protocol;
  more["protocols"] = json::array(protocols.begin(), protocols.end());
  co_return failed("No active listener", std::move(more));
}

Awaitable<Reply> check_single_node(Call&) {
  json::object more{{"reason", "single node cluster"}};
  co_return healthy(std::move(more));
}

Awaitable<Reply> check_certificate_expiration(Call& call) {
  if (!parse_number(call.names[0])) co_return bad_request("Invalid expiration value.");
  constexpr std::array<std::string_view, 4> units{"days", "weeks", "months", "years"};
  if (std::ranges::find(units, call.names[1]) == units.end()) {
    co_return bad_request(
        "Time unit not recognised. Supported units: days, weeks, months, years.");
  }
  // No listener speaks TLS: there is no certificate that could end.
  co_return healthy();
}

Awaitable<Reply> check_is_in_service(Call& call) {
  const NodeStatus node = co_await take_node(call);
  co_return node.is_stopping ? failed(out_of_service) : healthy();
}

Awaitable<Reply> check_below_connection_limit(Call& call) {
  const NodeStatus node = co_await take_node(call);
  json::object more = connections_json(node);
  co_return is_below_limit(node) ? healthy(std::move(more))
                                 : failed(at_the_limit, std::move(more));
}

Awaitable<Reply> check_ready_to_serve_clients(Call& call) {
  const NodeStatus node = co_await take_node(call);
  if (node.is_stopping) co_return failed(out_of_service);
  if (!speaks(node, "amqp")) co_return failed("No active listener for AMQP clients");
  if (!is_below_limit(node)) co_return failed(at_the_limit, connections_json(node));
  co_return healthy();
}

}  // namespace leveret::admin
