#include "broker/admin/api_policies.hpp"

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

constexpr const char* policies = "policy";
constexpr const char* operator_policies = "operator_policy";

Reply list(const Call& call, std::string_view component) {
  json::array rows;
  for (const auto& [key, text] : call.definitions->parameters) {
    if (key.component != component || !key.vhost || !call.may_see(*key.vhost)) continue;
    rows.push_back(policy_json(key, text));
  }
  return list_reply(call, std::move(rows), Paging::never);
}

Reply list_of_vhost(const Call& call, std::string_view component) {
  json::array rows;
  for (const auto& [key, text] : call.definitions->parameters) {
    if (key.component != component || key.vhost != call.names[0]) continue;
    rows.push_back(policy_json(key, text));
  }
  return list_reply(call, std::move(rows), Paging::never);
}

ParameterKey named(const Call& call, const char* component) {
  return {call.names[0], component, call.names[1]};
}

Reply get(const Call& call, const ParameterKey& key) {
  const std::string* text = call.find_parameter(key);
  return text == nullptr ? not_found() : object_reply(call, policy_json(key, *text));
}

/// What RabbitMQ takes of the body: the rest is passed over.
Result<json::object, std::string> read_policy(const json::object& body) {
  json::object policy{{"priority", 0}, {"apply-to", "all"}};
  for (const char* name : {"pattern", "definition"}) {
    const json::value* given = body.if_contains(name);
    if (given == nullptr) return tl::unexpected(missing(name));
    policy[name] = *given;
  }
  for (const char* name : {"priority", "apply-to"}) {
    const json::value* given = body.if_contains(name);
    if (given != nullptr) policy[name] = *given;
  }
  return policy;
}

Awaitable<Reply> put(Call& call, ParameterKey key) {
  if (auto problem = check_name(key.name)) co_return bad_request(*problem);
  const auto policy = read_policy(call.body);
  if (!policy) co_return bad_request(policy.error());
  std::string text = json::serialize(*policy);
  co_return co_await put_parameter(call, std::move(key), std::move(text));
}

}  // namespace

Awaitable<Reply> list_policies(Call& call) { co_return list(call, policies); }

Awaitable<Reply> list_policies_of_vhost(Call& call) { co_return list_of_vhost(call, policies); }

Awaitable<Reply> get_policy(Call& call) { co_return get(call, named(call, policies)); }

Awaitable<Reply> put_policy(Call& call) {
  ParameterKey key = named(call, policies);
  co_return co_await put(call, std::move(key));
}

Awaitable<Reply> delete_policy(Call& call) {
  ParameterKey key = named(call, policies);
  co_return co_await delete_parameter(call, std::move(key));
}

Awaitable<Reply> list_operator_policies(Call& call) { co_return list(call, operator_policies); }

Awaitable<Reply> list_operator_policies_of_vhost(Call& call) {
  co_return list_of_vhost(call, operator_policies);
}

Awaitable<Reply> get_operator_policy(Call& call) {
  co_return get(call, named(call, operator_policies));
}

Awaitable<Reply> put_operator_policy(Call& call) {
  ParameterKey key = named(call, operator_policies);
  co_return co_await put(call, std::move(key));
}

Awaitable<Reply> delete_operator_policy(Call& call) {
  ParameterKey key = named(call, operator_policies);
  co_return co_await delete_parameter(call, std::move(key));
}

}  // namespace leveret::admin
