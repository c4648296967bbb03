#include "broker/admin/api_connections.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/list_query.hpp"
#include "protocol/utf8.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::ChannelStatus;
using broker::ConnectionStatus;
using broker::ConsumerStatus;
using protocol::valid_utf8;

namespace {

json::object json_of(const Call& call, const ConnectionStatus& connection) {
  json::object object{
      {"name", connection.name()},
      {"node", call.node.node_name},
      {"vhost", connection.vhost},
      {"user", connection.user},
      {"user_who_performed_action", connection.user},
      {"state", connection.is_blocked ? "blocked" : "running"},
      {"type", "network"},
      {"protocol", "AMQP 0-9-1"},
      {"auth_mechanism", connection.mechanism},
      {"peer_host", connection.peer_address},
      {"peer_port", connection.peer_port},
      {"host", connection.local_address},
      {"port", connection.local_port},
      {"connected_at", connection.connected_at_ms},
      {"timeout", connection.heartbeat_s},
      {"frame_max", connection.frame_max_bytes},
      {"channel_max", connection.channel_max},
      {"channels", connection.channels.size()},
      {"client_properties", broker::json_of_table(connection.client_properties)},
      {"recv_oct", connection.received_bytes},
      {"recv_cnt", connection.receive_count},
      {"send_oct", connection.sent_bytes},
      {"send_cnt", connection.send_count},
      {"send_pend", connection.pending_bytes},
      {"ssl", false}};
  if (!connection.client_name.empty()) {
    object["user_provided_name"] = valid_utf8(connection.client_name);
  }
  // What RabbitMQ says of a connection without TLS.
  for (const char* empty : {"ssl_protocol", "ssl_cipher", "ssl_hash", "ssl_key_exchange",
                            "peer_cert_subject", "peer_cert_issuer", "peer_cert_validity"}) {
    object[empty] = nullptr;
  }
  return object;
}

std::string channel_name(const ConnectionStatus& connection, const ChannelStatus& channel) {
  return connection.name() + " (" + std::to_string(channel.number) + ")";
}

json::object consumer_json(const Call& call, const ConnectionStatus& connection,
                           const ChannelStatus& channel, const ConsumerStatus& consumer) {
  return {{"consumer_tag", valid_utf8(consumer.tag)},
          {"queue", json::object{{"name", valid_utf8(consumer.queue)},
                                 {"vhost", connection.vhost}}},
          {"ack_required", !consumer.no_ack},
          {"prefetch_count", consumer.prefetch_count},
          {"channel_details", json::object{{"connection_name", connection.name()},
                                           {"name", channel_name(connection, channel)},
                                           {"node", call.node.node_name},
                                           {"number", channel.number},
                                           {"peer_host", connection.peer_address},
                                           {"peer_port", connection.peer_port},
                                           {"user", connection.user}}}};
}

json::object json_of(const Call& call, const ConnectionStatus& connection,
                     const ChannelStatus& channel) {
  return {{"name", channel_name(connection, channel)},
          {"number", channel.number},
          {"node", call.node.node_name},
          {"user", connection.user},
          {"user_who_performed_action", connection.user},
          {"vhost", connection.vhost},
          {"state", "running"},
          {"confirm", channel.is_confirming},
          {"transactional", channel.is_transactional},
          {"consumer_count", channel.consumers.size()},
          {"prefetch_count", channel.prefetch_count},
          {"global_prefetch_count", channel.global_prefetch_count},
          {"messages_unacknowledged", channel.unacked_count},
          {"messages_unconfirmed", channel.unconfirmed_count},
          {"messages_uncommitted", channel.uncommitted_count},
          {"acks_uncommitted", channel.uncommitted_ack_count},
          {"pending_raft_commands", 0},
          {"connection_details", json::object{{"name", connection.name()},
                                              {"peer_host", connection.peer_address},
                                              {"peer_port", connection.peer_port}}}};
}

/// Those that the caller may see, in the order of their names.
Awaitable<std::vector<ConnectionStatus>> take_visible(Call& call) {
  auto connections = co_await take_connections(call);
  std::erase_if(connections, [&](const ConnectionStatus& connection) {
    return !call.caller.may_monitor() && connection.user != call.caller.name;
  });
  std::ranges::sort(connections, {}, [](const ConnectionStatus& one) { return one.name(); });
  co_return connections;
}

using Wanted = std::function<bool(const ConnectionStatus&)>;

bool all(const ConnectionStatus&) { return true; }
Wanted in_vhost(const Call& call) {
  return [&call](const ConnectionStatus& one) { return one.vhost == call.names[0]; };
}
Wanted named(const Call& call) {
  return [&call](const ConnectionStatus& one) { return one.name() == call.names[0]; };
}

// Each row of a list from the connections that are wanted.
using AddRows = void (*)(const Call&, const ConnectionStatus&, json::array&);

void add_connection(const Call& call, const ConnectionStatus& connection, json::array& rows) {
  rows.push_back(json_of(call, connection));
}

void add_channels(const Call& call, const ConnectionStatus& connection, json::array& rows) {
  for (const ChannelStatus& channel : connection.channels) {
    rows.push_back(json_of(call, connection, channel));
  }
}

void add_consumers(const Call& call, const ConnectionStatus& connection, json::array& rows) {
  for (const ChannelStatus& channel : connection.channels) {
    for (const ConsumerStatus& consumer : channel.consumers) {
      rows.push_back(consumer_json(call, connection, channel, consumer));
    }
  }
}

Awaitable<Reply> list(Call& call, Wanted wanted, AddRows add_rows, Paging paging) {
  const auto connections = co_await take_visible(call);
  json::array rows;
  for (const ConnectionStatus& connection : connections) {
    if (wanted(connection)) add_rows(call, connection, rows);
  }
  co_return list_reply(call, std::move(rows), paging);
}

/// What the client is told who is disconnected.
std::string reason_of(const Call& call) {
  return call.reason.empty() ? "Closed via management plugin" : valid_utf8(call.reason);
}

}  // namespace

Awaitable<Reply> list_connections(Call& call) {
  return list(call, all, add_connection, Paging::allowed);
}

Awaitable<Reply> list_connections_of_vhost(Call& call) {
  return list(call, in_vhost(call), add_connection, Paging::allowed);
}

Awaitable<Reply> list_connections_of_user(Call& call) {
  return list(
      call, [&call](const ConnectionStatus& one) { return one.user == call.names[0]; },
      add_connection, Paging::allowed);
}

Awaitable<Reply> get_connection(Call& call) {
  const auto connections = co_await take_visible(call);
  const auto found = std::ranges::find_if(connections, named(call));
  if (found == connections.end()) co_return not_found();
  co_return object_reply(call, json_of(call, *found));
}

Awaitable<Reply> close_connection(Call& call) {
  const auto connections = co_await take_connections(call);
  const auto found = std::ranges::find_if(connections, named(call));
  if (found == connections.end()) co_return not_found();
  if (!call.caller.is_administrator() && found->user != call.caller.name) {
    co_return not_authorised("User not authorised to access object");
  }
  call.broker.close_connection(found->shard, found->id, reason_of(call));
  co_return empty_reply(204);
}

Awaitable<Reply> close_connections_of_user(Call& call) {
  if (!call.caller.is_administrator() && call.names[0] != call.caller.name) {
    co_return not_authorised("User not authorised to access object");
  }
  const auto connections = co_await take_connections(call);
  for (const ConnectionStatus& connection : connections) {
    if (connection.user != call.names[0]) continue;
    call.broker.close_connection(connection.shard, connection.id, reason_of(call));
  }
  co_return empty_reply(204);
}

Awaitable<Reply> list_channels(Call& call) {
  return list(call, all, add_channels, Paging::allowed);
}

Awaitable<Reply> list_channels_of_vhost(Call& call) {
  return list(call, in_vhost(call), add_channels, Paging::allowed);
}

Awaitable<Reply> list_channels_of_connection(Call& call) {
  const auto connections = co_await take_visible(call);
  const auto found = std::ranges::find_if(connections, named(call));
  if (found == connections.end()) co_return not_found();
  json::array rows;
  add_channels(call, *found, rows);
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> get_channel(Call& call) {
  const auto connections = co_await take_visible(call);
  for (const ConnectionStatus& connection : connections) {
    for (const ChannelStatus& channel : connection.channels) {
      if (channel_name(connection, channel) != call.names[0]) continue;
      json::object object = json_of(call, connection, channel);
      json::array consumers;
      for (const ConsumerStatus& consumer : channel.consumers) {
        consumers.push_back(consumer_json(call, connection, channel, consumer));
      }
      object["consumer_details"] = std::move(consumers);
      object["publishes"] = json::array();
      object["deliveries"] = json::array();
      co_return object_reply(call, std::move(object));
    }
  }
  co_return not_found();
}

Awaitable<Reply> list_consumers(Call& call) {
  return list(call, all, add_consumers, Paging::never);
}

Awaitable<Reply> list_consumers_of_vhost(Call& call) {
  return list(call, in_vhost(call), add_consumers, Paging::never);
}

}  // namespace leveret::admin
