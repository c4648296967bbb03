#include "broker/admin/api_vhosts.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "broker/admin/body.hpp"
#include "broker/admin/definition_json.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::QueueStatus;
using broker::VhostMetadata;
using broker::VhostStatus;

namespace {

struct MessageCounts {
  std::uint64_t ready = 0, unacked = 0;
};
using CountsByVhost = std::map<std::string, MessageCounts, std::less<>>;

CountsByVhost count_messages(const std::vector<QueueStatus>& queues) {
  CountsByVhost counts;
  for (const QueueStatus& queue : queues) {
    MessageCounts& of_vhost = counts[queue.definition->vhost];
    of_vhost.ready += queue.ready_count;
    of_vhost.unacked += queue.unacked_count;
  }
  return counts;
}

json::object json_of(const Call& call, const VhostStatus& vhost, const CountsByVhost& counts) {
  const VhostMetadata metadata = vhost_metadata(*call.definitions, vhost.name);
  const json::array tags(metadata.tags.begin(), metadata.tags.end());
  const auto place = counts.find(vhost.name);
  const MessageCounts messages = place == counts.end() ? MessageCounts{} : place->second;
  return {{"name", vhost.name},
          {"description", metadata.description},
          {"tags", tags},
          {"default_queue_type", vhost.default_queue_type.empty() ? call.node.default_queue_type
                                                                  : vhost.default_queue_type},
          {"metadata", json::object{{"description", metadata.description}, {"tags", tags}}},
          {"tracing", vhost.is_traced},
          {"cluster_state", json::object{{call.node.node_name, "running"}}},
          {"messages", messages.ready + messages.unacked},
          {"messages_ready", messages.ready},
          {"messages_unacknowledged", messages.unacked}};
}

/// What the body says beside `tracing`, over what was there before. Nothing: it says nothing.
Result<std::optional<std::string>, std::string> read_metadata(const Call& call,
                                                              const std::string& vhost) {
  VhostMetadata metadata = vhost_metadata(*call.definitions, vhost);
  bool is_given = false;
  for (const char* name : {"description", "default_queue_type"}) {
    auto text = text_in(call.body, name);
    if (!text) return tl::unexpected(std::move(text.error()));
    if (!*text) continue;
    is_given = true;
    (std::string_view(name) == "description" ? metadata.description
                                             : metadata.default_queue_type) = **text;
  }
  if (const json::value* given = call.body.if_contains("tags")) {
    auto tags = texts_of("tags", *given);
    if (!tags) return tl::unexpected(std::move(tags.error()));
    metadata.tags = std::move(*tags);
    is_given = true;
  }
  if (!is_given) return std::nullopt;
  json::object object{{"description", metadata.description},
                      {"tags", json::array(metadata.tags.begin(), metadata.tags.end())}};
  if (!metadata.default_queue_type.empty()) {
    object["default_queue_type"] = metadata.default_queue_type;
  }
  std::string text = json::serialize(object);
  if (auto parsed = broker::parse_vhost_metadata(text); !parsed) {
    return tl::unexpected(std::move(parsed.error()));
  }
  return text;
}

}  // namespace

Awaitable<Reply> list_vhosts(Call& call) {
  const std::string all;
  const auto queues = co_await take_queues(call, all);
  const CountsByVhost counts = count_messages(queues);
  json::array list;
  for (const auto& [name, vhost] : call.definitions->vhosts) {
    if (!call.caller.may_monitor() && !call.may_enter(name)) continue;
    list.push_back(json_of(call, vhost, counts));
  }
  co_return list_reply(call, std::move(list), Paging::allowed);
}

Awaitable<Reply> get_vhost(Call& call) {
  const VhostStatus* vhost = call.find_vhost(call.names[0]);
  if (vhost == nullptr) co_return not_found();
  const auto queues = co_await take_queues(call, vhost->name);
  co_return object_reply(call, json_of(call, *vhost, count_messages(queues)));
}

Awaitable<Reply> put_vhost(Call& call) {
  const std::string name = call.names[0];
  if (auto problem = check_name(name)) co_return bad_request(*problem);
  const VhostStatus* before = call.find_vhost(name);
  const auto tracing = flag_in(call.body, "tracing", before != nullptr && before->is_traced);
  if (!tracing) co_return bad_request(tracing.error());
  auto metadata = read_metadata(call, name);
  if (!metadata) co_return bad_request(metadata.error());

  std::vector<broker::DefinitionChange> wanted;
  if (before == nullptr) {
    wanted.emplace_back(broker::AddVhost{name});
    // Whoever makes one may use it at once.
    wanted.emplace_back(broker::SetPermissions{{call.caller.name, name, ".*", ".*", ".*"}});
  }
  if (*metadata) {
    wanted.emplace_back(broker::PutParameter{{broker::vhost_metadata_key(name), **metadata}});
  }
  if (*tracing != (before != nullptr && before->is_traced)) {
    wanted.emplace_back(broker::TraceVhost{name, *tracing});
  }
  for (broker::DefinitionChange& one : wanted) {
    const ChangeOutcome outcome = co_await change(call, std::move(one));
    if (!outcome) co_return changed_reply(outcome);
  }
  co_return put_reply(before != nullptr);
}

Awaitable<Reply> delete_vhost(Call& call) {
  if (call.find_vhost(call.names[0]) == nullptr) co_return not_found();
  broker::DefinitionChange wanted = broker::DeleteVhost{call.names[0]};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

}  // namespace leveret::admin
