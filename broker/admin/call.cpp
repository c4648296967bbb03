#include "broker/admin/call.hpp"

#include <algorithm>
#include <utility>

namespace leveret::admin {

using broker::ControlPort;
using protocol::ReplyCode;

bool Caller::has_tag(std::string_view tag) const {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool Caller::may_manage() const {
  return may_monitor() || may_make_policies() || has_tag("management");
}

const broker::VhostStatus* Call::find_vhost(const std::string& name) const {
  const auto place = definitions->vhosts.find(name);
  return place == definitions->vhosts.end() ? nullptr : &place->second;
}

const std::string* Call::find_parameter(const broker::ParameterKey& key) const {
  const auto place = definitions->parameters.find(key);
  return place == definitions->parameters.end() ? nullptr : &place->second;
}

Awaitable<ChangeOutcome> change(Call& call, broker::DefinitionChange wanted) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Answer<ChangeOutcome>>(executor);
  call.broker.change(std::move(wanted), call.caller.name,
                     Answer<ChangeOutcome>::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<broker::DefinitionsSnapshotRef> take_definitions(ControlPort& broker) {
  using Taken = Answer<broker::DefinitionsSnapshotRef>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Taken>(executor);
  broker.take_definitions(Taken::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<broker::TopologySnapshot> take_topology(Call& call, const broker::VhostFilter& vhost) {
  using Taken = Answer<broker::TopologySnapshot>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Taken>(executor);
  call.broker.take_topology(vhost, Taken::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<std::vector<broker::QueueStatus>> take_queues(Call& call,
                                                        const broker::VhostFilter& vhost) {
  using Taken = Answer<std::vector<broker::QueueStatus>>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Taken>(executor);
  call.broker.take_queues(vhost, Taken::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<std::vector<broker::DelayedCount>> take_delayed(Call& call) {
  using Taken = Answer<std::vector<broker::DelayedCount>>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Taken>(executor);
  call.broker.take_delayed(Taken::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<std::vector<broker::LinkStatus>> take_links(Call& call) {
  using Taken = Answer<std::vector<broker::LinkStatus>>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Taken>(executor);
  call.broker.take_links(Taken::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<broker::NodeStatus> take_node(Call& call) {
  using Taken = Answer<broker::NodeStatus>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Taken>(executor);
  call.broker.take_node(Taken::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<std::vector<std::string>> import(Call& call, broker::DefinitionsFile definitions) {
  using Done = Answer<std::vector<std::string>>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answer = std::make_shared<Done>(executor);
  call.broker.import(std::move(definitions), Done::receiver(answer));
  co_return co_await await_answer(answer);
}

Awaitable<Reply> put_parameter(Call& call, broker::ParameterKey key, std::string json) {
  const bool existed = call.find_parameter(key) != nullptr;
  broker::DefinitionChange wanted = broker::PutParameter{{std::move(key), std::move(json)}};
  const ChangeOutcome outcome = co_await change(call, std::move(wanted));
  co_return outcome ? put_reply(existed) : changed_reply(outcome);
}

Awaitable<Reply> delete_parameter(Call& call, broker::ParameterKey key) {
  if (call.find_parameter(key) == nullptr) co_return not_found();
  broker::DefinitionChange wanted = broker::DeleteParameter{std::move(key)};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

Reply changed_reply(const ChangeOutcome& outcome) {
  if (outcome) return empty_reply(204);
  if (outcome.error().code() == ReplyCode::not_found) {
    return error_reply(404, "not_found", outcome.error().explanation());
  }
  return bad_request(outcome.error().explanation());
}

}  // namespace leveret::admin
