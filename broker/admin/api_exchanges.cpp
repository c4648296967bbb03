#include "broker/admin/api_exchanges.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/amqp_client.hpp"
#include "broker/admin/body.hpp"
#include "broker/admin/list_query.hpp"
#include "broker/admin/message_json.hpp"
#include "broker/admin/policy_facts.hpp"
#include "protocol/base64.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::ExchangeDefinition;

namespace {

json::object json_of(const ExchangeDefinition& exchange,
                     const std::vector<broker::DelayedCount>& delayed) {
  json::object object{{"name", exchange.name},
                      {"vhost", exchange.vhost},
                      {"type", exchange_type_name(exchange.type)},
                      {"durable", exchange.durable},
                      {"auto_delete", exchange.auto_delete},
                      {"internal", exchange.internal},
                      {"arguments", broker::json_of_table(exchange.arguments)}};
  if (exchange.policies.policy != nullptr) object["policy"] = name_of(exchange.policies.policy);
  for (const broker::DelayedCount& one : delayed) {
    if (one.vhost == exchange.vhost && one.exchange == exchange.name) {
      object["messages_delayed"] = one.count;  // As RabbitMQ's plugin calls it.
    }
  }
  return object;
}

Awaitable<std::optional<ExchangeDefinition>> find_exchange(Call& call) {
  const std::string name = exchange_named(call.names[1]);
  const broker::TopologySnapshot topology = co_await take_topology(call, call.names[0]);
  for (const ExchangeDefinition& exchange : topology.exchanges) {
    if (exchange.name == name) co_return exchange;
  }
  co_return std::nullopt;
}

bool is_before(const ExchangeDefinition& left, const ExchangeDefinition& right) {
  return std::tie(left.vhost, left.name) < std::tie(right.vhost, right.name);
}

struct PublishRequest {
  std::string routing_key;
  std::vector<std::byte> properties;
  std::string payload;
};

Result<PublishRequest, std::string> read_publish_request(const json::object& body) {
  PublishRequest request;
  for (const char* name : {"properties", "routing_key", "payload", "payload_encoding"}) {
    if (body.if_contains(name) == nullptr) return tl::unexpected(missing(name));
  }
  const auto key = text_in(body, "routing_key");
  const auto payload = text_in(body, "payload");
  const auto encoding = text_in(body, "payload_encoding");
  for (const auto* text : {&key, &payload, &encoding}) {
    if (!*text) return tl::unexpected(text->error());
  }
  request.routing_key = key->value_or("");
  if (auto problem = request.routing_key.empty() ? std::nullopt : check_name(request.routing_key)) {
    return tl::unexpected("routing_key: " + *problem);
  }
  const json::value& properties = body.at("properties");
  const bool is_empty_list = properties.is_array() && properties.get_array().empty();
  if (!properties.is_object() && !is_empty_list) {
    return tl::unexpected(std::string("'properties' is not an object"));
  }
  auto encoded = read_properties(is_empty_list ? json::object() : properties.get_object());
  if (!encoded) return tl::unexpected(std::move(encoded.error()));
  request.properties = std::move(*encoded);
  request.payload = payload->value_or("");
  if (**encoding == "string") return request;
  if (**encoding != "base64") {
    return tl::unexpected("Unknown payload_encoding '" + **encoding + "'");
  }
  auto decoded = protocol::decode_base64(request.payload);
  if (!decoded) return tl::unexpected(std::string("The payload is not base64"));
  request.payload = std::move(*decoded);
  return request;
}

/// RabbitMQ tells errors of publishing with their code and name.
Reply publish_refusal(const AmqpAnswer& refusal) {
  return bad_request(std::to_string(refusal.error_code) + " " + refusal.error_text);
}

}  // namespace

Awaitable<Reply> list_exchanges(Call& call) {
  const std::string vhost = call.names.empty() ? "" : call.names[0];
  broker::TopologySnapshot topology = co_await take_topology(call, vhost);
  const auto delayed = co_await take_delayed(call);
  std::ranges::sort(topology.exchanges, is_before);
  json::array list;
  for (const ExchangeDefinition& exchange : topology.exchanges) {
    if (!call.caller.is_administrator() && !call.may_enter(exchange.vhost)) continue;
    list.push_back(json_of(exchange, delayed));
  }
  co_return list_reply(call, std::move(list), Paging::allowed);
}

Awaitable<Reply> get_exchange(Call& call) {
  const auto exchange = co_await find_exchange(call);
  if (!exchange) co_return not_found();
  const auto delayed = co_await take_delayed(call);
  json::object object = json_of(*exchange, delayed);
  object["incoming"] = json::array();
  object["outgoing"] = json::array();
  co_return object_reply(call, std::move(object));
}

Awaitable<Reply> put_exchange(Call& call) {
  const auto type = text_in(call.body, "type");
  const auto durable = flag_in(call.body, "durable", false);
  const auto auto_delete = flag_in(call.body, "auto_delete", false);
  const auto internal = flag_in(call.body, "internal", false);
  const auto arguments = arguments_in(call.body);
  if (!type) co_return bad_request(type.error());
  if (!durable) co_return bad_request(durable.error());
  if (!auto_delete) co_return bad_request(auto_delete.error());
  if (!internal) co_return bad_request(internal.error());
  if (!arguments) co_return bad_request(arguments.error());
  if (auto problem = check_name(call.names[1])) co_return bad_request(*problem);
  const auto existing = co_await find_exchange(call);
  const std::string name = exchange_named(call.names[1]);
  const std::string type_text = type->value_or("direct");
  const std::vector<std::byte> table = encode_table(*arguments);
  protocol::exchange::Declare declare;
  declare.exchange = name;
  declare.type = type_text;
  declare.durable = *durable;
  declare.auto_delete = *auto_delete;
  declare.internal = *internal;
  declare.arguments = protocol::TableView{table};
  const AmqpAnswer answer = co_await call_amqp(call, call.names[0], declare);
  co_return answer.is_ok() ? put_reply(existing.has_value()) : refusal_reply(answer);
}

Awaitable<Reply> delete_exchange(Call& call) {
  // AMQP's delete succeeds where there is nothing.
  const auto existing = co_await find_exchange(call);
  if (!existing) co_return not_found();
  const std::string name = exchange_named(call.names[1]);
  protocol::exchange::Delete method;
  method.exchange = name;
  method.if_unused = call.target.flag("if-unused");
  const AmqpAnswer answer = co_await call_amqp(call, call.names[0], method);
  co_return answer.is_ok() ? empty_reply(204) : refusal_reply(answer);
}

Awaitable<Reply> publish_message(Call& call) {
  const auto request = read_publish_request(call.body);
  if (!request) co_return bad_request(request.error());
  OpenedClient opened = co_await open_client(call, call.names[0]);
  if (opened.client == nullptr) co_return publish_refusal(opened.refusal);
  AmqpClient& client = *opened.client;
  client.write(protocol::confirm::Select{});
  AmqpAnswer answer = co_await client.receive();
  if (!answer.is_ok()) co_return publish_refusal(answer);
  client.publish(exchange_named(call.names[1]), request->routing_key, true, request->properties,
                 request->payload);
  bool is_routed = true;
  while (true) {
    answer = co_await client.receive();
    if (!answer.is_ok()) co_return publish_refusal(answer);
    if (answer.method != protocol::basic::Return::id) break;
    is_routed = false;
  }
  const bool is_taken = answer.method == protocol::basic::Ack::id;
  co_await client.close();
  co_return json_reply(json::object{{"routed", is_routed && is_taken}});
}

}  // namespace leveret::admin
