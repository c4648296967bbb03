#include "broker/admin/api_limits.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "broker/admin/body.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::ParameterKey;

namespace {

/// The limits that a parameter says; empty when there are none.
json::object limits_at(const Call& call, const ParameterKey& key) {
  const std::string* text = call.find_parameter(key);
  if (text == nullptr) return {};
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  return !error && value.is_object() ? std::move(value.get_object()) : json::object();
}

/// Adds the limits of somebody or something to a list, if it has any.
void add(const Call& call, const ParameterKey& key, const char* kind, const std::string& owner,
         json::array& rows) {
  json::object limits = limits_at(call, key);
  if (limits.empty()) return;
  rows.push_back(json::object{{kind, owner}, {"value", std::move(limits)}});
}

/// Sets one limit beside the others that are there.
Awaitable<Reply> put_limit(Call& call, ParameterKey key, std::string name) {
  const json::value* value = call.body.if_contains("value");
  if (value == nullptr) co_return bad_request(missing("value"));
  json::object limits = limits_at(call, key);
  limits[name] = *value;
  broker::DefinitionChange wanted =
      broker::PutParameter{{std::move(key), json::serialize(limits)}};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

/// A limit that is not there is no error.
Awaitable<Reply> delete_limit(Call& call, ParameterKey key, std::string name) {
  json::object limits = limits_at(call, key);
  if (limits.erase(name) == 0) co_return empty_reply(204);
  if (limits.empty()) co_return co_await delete_parameter(call, std::move(key));
  broker::DefinitionChange wanted =
      broker::PutParameter{{std::move(key), json::serialize(limits)}};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

/// As with virtual hosts themselves, whoever monitors may see all.
bool may_look(const Call& call, const std::string& vhost) {
  return call.caller.may_monitor() || call.may_enter(vhost);
}

bool is_user(const Call& call) { return call.users().find(call.names[0]) != nullptr; }

}  // namespace

Awaitable<Reply> list_vhost_limits(Call& call) {
  json::array rows;
  for (const auto& [name, vhost] : call.definitions->vhosts) {
    if (may_look(call, name)) add(call, broker::vhost_limits_key(name), "vhost", name, rows);
  }
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> get_vhost_limits(Call& call) {
  const std::string& name = call.names[0];
  if (call.find_vhost(name) == nullptr) co_return not_found();
  if (!may_look(call, name)) {
    co_return not_authorised("User not authorised to access virtual host");
  }
  json::array rows;
  add(call, broker::vhost_limits_key(name), "vhost", name, rows);
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> put_vhost_limit(Call& call) {
  ParameterKey key = broker::vhost_limits_key(call.names[0]);
  std::string name = call.names[1];
  co_return co_await put_limit(call, std::move(key), std::move(name));
}

Awaitable<Reply> delete_vhost_limit(Call& call) {
  if (call.find_vhost(call.names[0]) == nullptr) co_return not_found();
  ParameterKey key = broker::vhost_limits_key(call.names[0]);
  std::string name = call.names[1];
  co_return co_await delete_limit(call, std::move(key), std::move(name));
}

Awaitable<Reply> list_user_limits(Call& call) {
  json::array rows;
  call.users().for_each_user([&](const broker::User& user) {
    add(call, broker::user_limits_key(user.name), "user", user.name, rows);
  });
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> get_user_limits(Call& call) {
  if (!is_user(call)) co_return not_found();
  json::array rows;
  const std::string& name = call.names[0];
  add(call, broker::user_limits_key(name), "user", name, rows);
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> put_user_limit(Call& call) {
  if (!is_user(call)) co_return bad_request("There is no user '" + call.names[0] + "'");
  ParameterKey key = broker::user_limits_key(call.names[0]);
  std::string name = call.names[1];
  co_return co_await put_limit(call, std::move(key), std::move(name));
}

Awaitable<Reply> delete_user_limit(Call& call) {
  if (!is_user(call)) co_return not_found();
  ParameterKey key = broker::user_limits_key(call.names[0]);
  std::string name = call.names[1];
  co_return co_await delete_limit(call, std::move(key), std::move(name));
}

}  // namespace leveret::admin
