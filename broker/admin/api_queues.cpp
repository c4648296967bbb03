#include "broker/admin/api_queues.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "broker/admin/amqp_client.hpp"
#include "broker/admin/body.hpp"
#include "broker/admin/list_query.hpp"
#include "broker/admin/message_json.hpp"
#include "broker/admin/policy_facts.hpp"

namespace leveret::admin {

namespace json = boost::json;
using broker::QueueStatus;
using broker::QueueType;

namespace {

std::string_view type_name(QueueType type) {
  switch (type) {
    case QueueType::classic: return "classic";
    case QueueType::quorum: return "quorum";
    case QueueType::stream: return "stream";
  }
  return "";
}

json::object json_of(const Call& call, const QueueStatus& queue) {
  const broker::QueueDefinition& definition = *queue.definition;
  const broker::MatchedPolicies& matched = broker::matched_policies(definition);
  json::object object{
      {"name", definition.name},
      {"vhost", definition.vhost},
      {"type", type_name(definition.settings.type)},
      {"durable", definition.durable},
      {"auto_delete", definition.auto_delete},
      {"exclusive", definition.exclusive()},
      {"arguments", broker::json_of_table(definition.arguments)},
      {"node", call.node.node_name},
      {"state", "running"},
      {"policy", name_of(matched.policy)},
      {"operator_policy", name_of(matched.operator_policy)},
      {"effective_policy_definition", effective_definition(call, definition.vhost, matched)},
      {"messages", queue.ready_count + queue.unacked_count},
      {"messages_ready", queue.ready_count},
      {"messages_unacknowledged", queue.unacked_count},
      {"consumers", queue.consumer_count},
      {"x_paused", queue.is_paused}};
  if (definition.settings.type != QueueType::classic) {
    const json::array members{json::string(call.node.node_name)};
    object["leader"] = call.node.node_name;
    object["members"] = members;
    object["online"] = members;
  }
  return object;
}

/// The queue of that name, if it is there.
Awaitable<std::optional<QueueStatus>> find_queue(Call& call) {
  const auto queues = co_await take_queues(call, call.names[0]);
  for (const QueueStatus& queue : queues) {
    if (queue.definition->name == call.names[1]) co_return queue;
  }
  co_return std::nullopt;
}

bool is_before(const QueueStatus& left, const QueueStatus& right) {
  return std::tie(left.definition->vhost, left.definition->name) <
         std::tie(right.definition->vhost, right.definition->name);
}

/// How messages that were got are settled: by ack or reject, and whether they come back.
struct AckMode {
  bool is_ack = false;
  bool requeue = false;
};

std::optional<AckMode> parse_ack_mode(std::string_view text) {
  if (text == "ack_requeue_true") return AckMode{true, true};
  if (text == "ack_requeue_false") return AckMode{true, false};
  if (text == "reject_requeue_true") return AckMode{false, true};
  if (text == "reject_requeue_false") return AckMode{false, false};
  return std::nullopt;
}

struct GetRequest {
  std::uint64_t count = 0;
  AckMode ack_mode;
  bool is_auto_encoding = true;
  std::optional<std::uint64_t> truncate_bytes;
};

Result<GetRequest, std::string> read_get_request(const json::object& body) {
  constexpr std::uint64_t count_max = 100'000;
  GetRequest request;
  const auto count = number_in(body, "count");
  const auto truncate = number_in(body, "truncate");
  const auto ack_mode = text_in(body, "ackmode");
  const auto encoding = text_in(body, "encoding");
  if (!count) return tl::unexpected(count.error());
  if (!truncate) return tl::unexpected(truncate.error());
  if (!ack_mode) return tl::unexpected(ack_mode.error());
  if (!encoding) return tl::unexpected(encoding.error());
  if (!*count) return tl::unexpected(missing("count"));
  if (!*ack_mode) return tl::unexpected(missing("ackmode"));
  if (!*encoding) return tl::unexpected(missing("encoding"));
  const auto mode = parse_ack_mode(**ack_mode);
  if (!mode) return tl::unexpected("Unknown ackmode '" + **ack_mode + "'");
  if (**encoding != "auto" && **encoding != "base64") {
    return tl::unexpected("Unknown encoding '" + **encoding + "'");
  }
  request.count = std::min(**count, count_max);
  request.ack_mode = *mode;
  request.is_auto_encoding = **encoding == "auto";
  request.truncate_bytes = *truncate;
  return request;
}

/// Gives all that was got back, or away, with one method.
void settle_all(AmqpClient& client, const AckMode& mode, std::uint64_t last_tag) {
  if (mode.is_ack && !mode.requeue) {
    protocol::basic::Ack ack;
    ack.delivery_tag = last_tag;
    ack.multiple = true;
    return client.write(ack);
  }
  protocol::basic::Nack nack;
  nack.delivery_tag = last_tag;
  nack.multiple = true;
  nack.requeue = mode.requeue;
  client.write(nack);
}

}  // namespace

Awaitable<Reply> list_queues(Call& call) {
  const std::string chosen = call.names.empty() ? "" : call.names[0];
  auto queues = co_await take_queues(call, chosen);
  std::ranges::sort(queues, is_before);
  json::array list;
  for (const QueueStatus& queue : queues) {
    const std::string& vhost = queue.definition->vhost;
    if (!call.caller.is_administrator() && !call.may_enter(vhost)) continue;
    list.push_back(json_of(call, queue));
  }
  co_return list_reply(call, std::move(list), Paging::allowed);
}

Awaitable<Reply> get_queue(Call& call) {
  const auto queue = co_await find_queue(call);
  if (!queue) co_return not_found();
  co_return object_reply(call, json_of(call, *queue));
}

Awaitable<Reply> put_queue(Call& call) {
  const auto durable = flag_in(call.body, "durable", false);
  const auto auto_delete = flag_in(call.body, "auto_delete", false);
  const auto arguments = arguments_in(call.body);
  if (!durable) co_return bad_request(durable.error());
  if (!auto_delete) co_return bad_request(auto_delete.error());
  if (!arguments) co_return bad_request(arguments.error());
  if (auto problem = check_name(call.names[1])) co_return bad_request(*problem);
  const auto existing = co_await find_queue(call);
  const std::vector<std::byte> table = encode_table(*arguments);
  protocol::queue::Declare declare;
  declare.queue = call.names[1];
  declare.durable = *durable;
  declare.auto_delete = *auto_delete;
  declare.arguments = protocol::TableView{table};
  const AmqpAnswer answer = co_await call_amqp(call, call.names[0], declare);
  co_return answer.is_ok() ? put_reply(existing.has_value()) : refusal_reply(answer);
}

Awaitable<Reply> delete_queue(Call& call) {
  // AMQP's delete succeeds where there is nothing.
  const auto existing = co_await find_queue(call);
  if (!existing) co_return not_found();
  protocol::queue::Delete method;
  method.queue = call.names[1];
  method.if_unused = call.target.flag("if-unused");
  method.if_empty = call.target.flag("if-empty");
  const AmqpAnswer answer = co_await call_amqp(call, call.names[0], method);
  co_return answer.is_ok() ? empty_reply(204) : refusal_reply(answer);
}

Awaitable<Reply> purge_queue(Call& call) {
  protocol::queue::Purge method;
  method.queue = call.names[1];
  const AmqpAnswer answer = co_await call_amqp(call, call.names[0], method);
  co_return answer.is_ok() ? empty_reply(204) : refusal_reply(answer);
}

namespace {

/// Whoever may configure a queue may pause it.
Awaitable<Reply> set_paused(Call& call, bool paused) {
  const auto queue = co_await find_queue(call);
  if (!queue) co_return not_found();
  const auto allowed =
      call.users().check_access(call.caller.name, call.names[0], broker::Operation::configure,
                                broker::ResourceKind::queue, call.names[1]);
  if (!allowed) co_return not_authorised("Access refused.");
  broker::DefinitionChange wanted = broker::PauseQueue{call.names[0], call.names[1], paused};
  const ChangeOutcome outcome = co_await change(call, std::move(wanted));
  co_return changed_reply(outcome);
}

}  // namespace

Awaitable<Reply> pause_queue(Call& call) { return set_paused(call, true); }
Awaitable<Reply> resume_queue(Call& call) { return set_paused(call, false); }

Awaitable<Reply> get_messages(Call& call) {
  const auto request = read_get_request(call.body);
  if (!request) co_return bad_request(request.error());
  OpenedClient opened = co_await open_client(call, call.names[0]);
  if (opened.client == nullptr) co_return refusal_reply(opened.refusal);
  AmqpClient& client = *opened.client;
  json::array messages;
  std::uint64_t last_tag = 0;
  while (messages.size() < request->count) {
    protocol::basic::Get get;
    get.queue = call.names[1];
    client.write(get);
    const AmqpAnswer answer = co_await client.receive();
    if (!answer.is_ok()) co_return refusal_reply(answer);
    if (!answer.has_message) break;
    last_tag = answer.delivery_tag;
    messages.push_back(
        got_message_json(answer, request->is_auto_encoding, request->truncate_bytes));
  }
  if (last_tag != 0) settle_all(client, request->ack_mode, last_tag);
  co_await client.close();
  co_return json_reply(messages);
}

}  // namespace leveret::admin
