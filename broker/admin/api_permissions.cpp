#include "broker/admin/api_permissions.hpp"

#include <utility>

#include "broker/admin/body.hpp"
#include "broker/admin/definition_json.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;

namespace {

/// Whether the user and the virtual host that the path names are there.
bool is_known(const Call& call, const PermissionFilter& filter) {
  return (filter.user.empty() || call.users().find(filter.user) != nullptr) &&
         (filter.vhost.empty() || call.find_vhost(filter.vhost) != nullptr);
}

Reply list(const Call& call, const PermissionFilter& filter) {
  if (!is_known(call, filter)) return not_found();
  return list_reply(call, permissions_json(call.users(), filter), Paging::never);
}

Reply list_topics(const Call& call, const PermissionFilter& filter) {
  if (!is_known(call, filter)) return not_found();
  return list_reply(call, topic_permissions_json(call.users(), filter), Paging::never);
}

/// Of a path permissions/V/U.
PermissionFilter named(const Call& call) { return {call.names[1], call.names[0]}; }

Reply no_vhost_or_user() { return bad_request("vhost_or_user_not_found"); }

}  // namespace

Awaitable<Reply> list_permissions(Call& call) { co_return list(call, {}); }

Awaitable<Reply> list_permissions_of_vhost(Call& call) {
  co_return list(call, {"", call.names[0]});
}

Awaitable<Reply> list_permissions_of_user(Call& call) {
  co_return list(call, {call.names[0], ""});
}

Awaitable<Reply> get_permissions(Call& call) {
  json::array found = permissions_json(call.users(), named(call));
  if (found.empty()) co_return not_found();
  co_return object_reply(call, std::move(found.front().get_object()));
}

Awaitable<Reply> put_permissions(Call& call) {
  const PermissionFilter place = named(call);
  if (!is_known(call, place)) co_return no_vhost_or_user();
  broker::PermissionDefinition granted{place.user, place.vhost, {}, {}, {}};
  for (auto [name, pattern] : {std::pair("configure", &granted.configure),
                               std::pair("write", &granted.write),
                               std::pair("read", &granted.read)}) {
    auto text = needed_text_in(call.body, name);
    if (!text) co_return bad_request(text.error());
    *pattern = std::move(*text);
  }
  const bool existed = call.users().find_permissions(place.user, place.vhost) != nullptr;
  broker::DefinitionChange wanted = broker::SetPermissions{std::move(granted)};
  const ChangeOutcome outcome = co_await change(call, std::move(wanted));
  co_return outcome ? put_reply(existed) : changed_reply(outcome);
}

Awaitable<Reply> delete_permissions(Call& call) {
  const PermissionFilter place = named(call);
  if (call.users().find_permissions(place.user, place.vhost) == nullptr) co_return not_found();
  broker::DefinitionChange wanted = broker::ClearPermissions{place.user, place.vhost};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

Awaitable<Reply> list_topic_permissions(Call& call) { co_return list_topics(call, {}); }

Awaitable<Reply> list_topic_permissions_of_vhost(Call& call) {
  co_return list_topics(call, {"", call.names[0]});
}

Awaitable<Reply> list_topic_permissions_of_user(Call& call) {
  co_return list_topics(call, {call.names[0], ""});
}

Awaitable<Reply> get_topic_permissions(Call& call) {
  json::array found = topic_permissions_json(call.users(), named(call));
  if (found.empty()) co_return not_found();
  co_return list_reply(call, std::move(found), Paging::never);
}

Awaitable<Reply> put_topic_permissions(Call& call) {
  const PermissionFilter place = named(call);
  if (!is_known(call, place)) co_return no_vhost_or_user();
  broker::TopicPermissionDefinition granted{place.user, place.vhost, {}, {}};
  for (auto [name, member] : {std::pair("exchange", &granted.exchange),
                              std::pair("write", &granted.permissions.write),
                              std::pair("read", &granted.permissions.read)}) {
    auto text = needed_text_in(call.body, name);
    if (!text) co_return bad_request(text.error());
    *member = std::move(*text);
  }
  // The first ones of a user in a virtual host are new, whatever the exchange, as in RabbitMQ.
  const bool existed = !topic_permissions_json(call.users(), place).empty();
  broker::DefinitionChange wanted = broker::SetTopicPermissions{std::move(granted)};
  const ChangeOutcome outcome = co_await change(call, std::move(wanted));
  co_return outcome ? put_reply(existed) : changed_reply(outcome);
}

Awaitable<Reply> delete_topic_permissions(Call& call) {
  const PermissionFilter place = named(call);
  if (topic_permissions_json(call.users(), place).empty()) co_return not_found();
  broker::ClearTopicPermissions cleared{place.user, place.vhost, std::nullopt};
  if (call.names.size() > 2) cleared.exchange = call.names[2];
  broker::DefinitionChange wanted = std::move(cleared);
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

}  // namespace leveret::admin
