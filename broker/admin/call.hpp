/// One request of the HTTP API, as its handler sees it.
///
/// Owner:  the connection that it came by.   Thread: that of the HTTP server.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/admin/reply.hpp"
#include "broker/admin/request_target.hpp"
#include "broker/core/control_port.hpp"

namespace leveret::admin {

enum class Verb : std::uint8_t { get, put, post, remove };

/// What the HTTP API says of the node that never changes.
struct NodeFacts {
  std::string node_name;
  std::string cluster_name;
  std::string compatible_version;  ///< Of RabbitMQ.
  std::string product_version;
  std::string default_queue_type;
};

/// Who has logged in.
struct Caller {
  std::string name;
  std::vector<std::string> tags;

  bool has_tag(std::string_view tag) const;
  bool is_administrator() const { return has_tag("administrator"); }
  bool may_monitor() const { return is_administrator() || has_tag("monitoring"); }
  bool may_make_policies() const { return is_administrator() || has_tag("policymaker"); }
  /// Any of the tags that let somebody in.
  bool may_manage() const;
};

struct Call {
  broker::ControlPort& broker;
  const NodeFacts& node;
  Verb verb = Verb::get;
  RequestTarget target;
  /// What stands in the target where the route has a name, in order: virtual host, queue, ...
  std::vector<std::string> names{};
  boost::json::object body{};
  std::string reason{};  ///< The header X-Reason.
  Caller caller{};
  /// Taken when the request came: what it was authorised by.
  broker::DefinitionsSnapshotRef definitions{};

  const broker::Users& users() const { return *definitions->users; }
  /// Null when there is none of that name.
  const broker::VhostStatus* find_vhost(const std::string& name) const;
  /// Its JSON text. Null when there is none of that name.
  const std::string* find_parameter(const broker::ParameterKey& key) const;
  bool may_enter(const std::string& vhost) const {
    return users().may_access_vhost(caller.name, vhost);
  }
  /// Whether lists of all virtual hosts show the caller what is in this one.
  bool may_see(const std::string& vhost) const {
    return caller.is_administrator() || may_enter(vhost);
  }
};

template <class T>
using Awaitable = boost::asio::awaitable<T>;

using ChangeOutcome = Result<void, protocol::AmqpError>;

/// Has the broker change something in the caller's name, durably.
Awaitable<ChangeOutcome> change(Call& call, broker::DefinitionChange wanted);
Awaitable<broker::DefinitionsSnapshotRef> take_definitions(broker::ControlPort& broker);
Awaitable<broker::TopologySnapshot> take_topology(Call& call, const broker::VhostFilter& vhost);
Awaitable<std::vector<broker::QueueStatus>> take_queues(Call& call,
                                                        const broker::VhostFilter& vhost);
Awaitable<std::vector<broker::DelayedCount>> take_delayed(Call& call);
Awaitable<std::vector<broker::LinkStatus>> take_links(Call& call);
Awaitable<broker::NodeStatus> take_node(Call& call);
Awaitable<std::vector<broker::ConnectionStatus>> take_connections(Call& call);
/// Sentences about what was not taken.
Awaitable<std::vector<std::string>> import(Call& call, broker::DefinitionsFile definitions);

/// Sets a parameter: 201 or 204, or why not.
Awaitable<Reply> put_parameter(Call& call, broker::ParameterKey key, std::string json);
/// 204, or 404 when there is none.
Awaitable<Reply> delete_parameter(Call& call, broker::ParameterKey key);

/// 204, or what the change was refused for: 400 with the reason, 404 where it says so.
Reply changed_reply(const ChangeOutcome& outcome);

}  // namespace leveret::admin
