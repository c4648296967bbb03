#include "broker/admin/call.hpp"

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace leveret::admin {

namespace asio = boost::asio;
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

namespace {

/// Where an answer of the control port is awaited. On the heap, for it may come late.
template <class T>
class Answer {
 public:
  explicit Answer(asio::any_io_executor executor)
      : executor_(std::move(executor)), arrival_(executor_) {
    arrival_.expires_at(asio::steady_timer::time_point::max());
  }

  /// What the control port is to call, on any thread.
  static std::function<void(T)> receiver(const std::shared_ptr<Answer>& answer) {
    return [answer](T value) {
      asio::post(answer->executor_, [answer, value = std::move(value)]() mutable {
        answer->value_.emplace(std::move(value));
        answer->arrival_.cancel();
      });
    };
  }
  bool is_there() const { return value_.has_value(); }
  asio::steady_timer& arrival() { return arrival_; }
  T take() { return std::move(*value_); }

 private:
  asio::any_io_executor executor_;
  asio::steady_timer arrival_;
  std::optional<T> value_;
};

/// Hands `start` what takes the answer, and waits for that.
template <class T, class Start>
Awaitable<T> ask(Start start) {
  const auto executor = co_await asio::this_coro::executor;
  const auto answer = std::make_shared<Answer<T>>(executor);
  start(Answer<T>::receiver(answer));
  boost::system::error_code cancelled;
  while (!answer->is_there()) {
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await answer->arrival().async_wait(token);
  }
  co_return answer->take();
}

}  // namespace

Awaitable<ChangeOutcome> change(Call& call, broker::DefinitionChange wanted) {
  return ask<ChangeOutcome>([&call, wanted = std::move(wanted)](auto then) mutable {
    call.broker.change(std::move(wanted), call.caller.name, std::move(then));
  });
}

Awaitable<broker::DefinitionsSnapshotRef> take_definitions(ControlPort& broker) {
  return ask<broker::DefinitionsSnapshotRef>(
      [&broker](auto then) { broker.take_definitions(std::move(then)); });
}

Awaitable<broker::TopologySnapshot> take_topology(Call& call, const broker::VhostFilter& vhost) {
  return ask<broker::TopologySnapshot>(
      [&call, vhost](auto then) { call.broker.take_topology(vhost, std::move(then)); });
}

Awaitable<std::vector<broker::QueueStatus>> take_queues(Call& call,
                                                        const broker::VhostFilter& vhost) {
  return ask<std::vector<broker::QueueStatus>>(
      [&call, vhost](auto then) { call.broker.take_queues(vhost, std::move(then)); });
}

Awaitable<std::vector<broker::DelayedCount>> take_delayed(Call& call) {
  return ask<std::vector<broker::DelayedCount>>(
      [&call](auto then) { call.broker.take_delayed(std::move(then)); });
}

Awaitable<std::vector<broker::LinkStatus>> take_links(Call& call) {
  return ask<std::vector<broker::LinkStatus>>(
      [&call](auto then) { call.broker.take_links(std::move(then)); });
}

Awaitable<broker::NodeStatus> take_node(Call& call) {
  return ask<broker::NodeStatus>(
      [&call](auto then) { call.broker.take_node(std::move(then)); });
}

Awaitable<std::vector<broker::ConnectionStatus>> take_connections(Call& call) {
  return ask<std::vector<broker::ConnectionStatus>>(
      [&call](auto then) { call.broker.take_connections(std::move(then)); });
}

Awaitable<std::vector<std::string>> import(Call& call, broker::DefinitionsFile definitions) {
  return ask<std::vector<std::string>>(
      [&call, definitions = std::move(definitions)](auto then) mutable {
        call.broker.import(std::move(definitions), std::move(then));
      });
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
