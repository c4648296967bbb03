#include "broker/admin/api_parameters.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "broker/admin/body.hpp"
#include "broker/admin/definition_json.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::ParameterKey;

namespace {

/// Of a path parameters/COMPONENT/V/NAME.
ParameterKey named(const Call& call) { return {call.names[1], call.names[0], call.names[2]}; }

/// Policies may be asked for, and what the broker keeps for itself may not.
bool is_shown(const Call& call, const ParameterKey& key) {
  if (!key.vhost || !call.may_see(*key.vhost)) return false;
  if (call.names.empty()) return is_plain_parameter(key);
  if (key.component != call.names[0] || key == broker::vhost_metadata_key(*key.vhost)) return false;
  return call.names.size() < 2 || key.vhost == call.names[1];
}

/// Why the caller may not change such a parameter here.
std::optional<Reply> refuse(const Call& call, const ParameterKey& key) {
  // What only an administrator may set in its own place. RabbitMQ lets policymakers do it here.
  const bool is_reserved = key.component == "operator_policy" || key.component == "vhost-limits";
  if (is_reserved && !call.caller.is_administrator()) {
    return not_authorised("Not administrator user");
  }
  if (key.component == "policy") {
    return bad_request("policies may not be set using this method");
  }
  if (key == broker::vhost_metadata_key(*key.vhost)) {
    return bad_request("The metadata of a virtual host are set with it");
  }
  if (auto problem = check_name(key.name)) return bad_request(*problem);
  return std::nullopt;
}

Awaitable<Reply> put_value(Call& call, ParameterKey key) {
  const json::value* value = call.body.if_contains("value");
  if (value == nullptr) co_return bad_request(missing("value"));
  std::string text = json::serialize(*value);
  co_return co_await put_parameter(call, std::move(key), std::move(text));
}

ParameterKey global(std::string name) {
  return {std::nullopt, std::string(broker::global_parameters), std::move(name)};
}

}  // namespace

Awaitable<Reply> list_parameters(Call& call) {
  json::array rows;
  for (const auto& [key, text] : call.definitions->parameters) {
    if (is_shown(call, key)) rows.push_back(parameter_json(key, text));
  }
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> get_parameter(Call& call) {
  const ParameterKey key = named(call);
  const std::string* text = is_shown(call, key) ? call.find_parameter(key) : nullptr;
  if (text == nullptr) co_return not_found();
  co_return object_reply(call, parameter_json(key, *text));
}

Awaitable<Reply> put_one_parameter(Call& call) {
  ParameterKey key = named(call);
  if (auto refusal = refuse(call, key)) co_return std::move(*refusal);
  co_return co_await put_value(call, std::move(key));
}

Awaitable<Reply> delete_one_parameter(Call& call) {
  ParameterKey key = named(call);
  if (auto refusal = refuse(call, key)) co_return std::move(*refusal);
  co_return co_await delete_parameter(call, std::move(key));
}

Awaitable<Reply> list_global_parameters(Call& call) {
  json::array rows;
  for (const auto& [key, text] : call.definitions->parameters) {
    if (key == global(key.name)) rows.push_back(parameter_json(key, text));
  }
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> get_global_parameter(Call& call) {
  const ParameterKey key = global(call.names[0]);
  const std::string* text = call.find_parameter(key);
  if (text == nullptr) co_return not_found();
  co_return object_reply(call, parameter_json(key, *text));
}

Awaitable<Reply> put_global_parameter(Call& call) {
  ParameterKey key = global(call.names[0]);
  if (auto problem = check_name(key.name)) co_return bad_request(*problem);
  co_return co_await put_value(call, std::move(key));
}

Awaitable<Reply> delete_global_parameter(Call& call) {
  ParameterKey key = global(call.names[0]);
  co_return co_await delete_parameter(call, std::move(key));
}

}  // namespace leveret::admin
