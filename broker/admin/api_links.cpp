#include "broker/admin/api_links.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::LinkKind;
using broker::LinkState;
using broker::LinkStatus;

namespace {

std::string_view state_text(LinkState state) {
  switch (state) {
    case LinkState::starting: return "starting";
    case LinkState::running: return "running";
    case LinkState::terminated: return "terminated";
  }
  return "";
}

/// What shovels and federation links have in common.
json::object json_of(const Call& call, const LinkStatus& link) {
  json::object object{{"node", call.node.node_name},
                      {"vhost", link.vhost},
                      {"x_messages_forwarded", link.forwarded_count},
                      {"x_messages_unconfirmed", link.unconfirmed_count},
                      {"x_restarts", link.restart_count}};
  if (!link.last_error.empty()) object["x_last_error"] = link.last_error;
  return object;
}

json::object shovel_json(const Call& call, const LinkStatus& link) {
  json::object object = json_of(call, link);
  object["name"] = link.name;
  object["type"] = "dynamic";
  object["state"] = state_text(link.state);
  object["src_uri"] = link.source_uri;
  object["src_protocol"] = "amqp091";
  object["dest_uri"] = link.destination_uri;
  object["dest_protocol"] = "amqp091";
  return object;
}

json::object federation_json(const Call& call, const LinkStatus& link) {
  const char* const kind = link.kind == LinkKind::queue_federation ? "queue" : "exchange";
  json::object object = json_of(call, link);
  object["type"] = kind;
  object[kind] = link.name;
  object["upstream"] = link.upstream;
  object["uri"] = link.source_uri;
  object["status"] = state_text(link.state);
  return object;
}

using Describe = json::object (*)(const Call&, const LinkStatus&);

Awaitable<Reply> list_links(Call& call, bool shovels, Describe describe) {
  const auto links = co_await take_links(call);
  json::array list;
  for (const LinkStatus& link : links) {
    const bool is_meant = call.names.empty() || link.vhost == call.names[0];
    if (!is_meant || (link.kind == LinkKind::shovel) != shovels) continue;
    list.push_back(describe(call, link));
  }
  co_return list_reply(call, std::move(list), Paging::never);
}

}  // namespace

Awaitable<Reply> list_shovels(Call& call) { return list_links(call, true, shovel_json); }

Awaitable<Reply> list_federation_links(Call& call) {
  return list_links(call, false, federation_json);
}

}  // namespace leveret::admin
