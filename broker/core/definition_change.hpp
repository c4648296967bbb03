/// Changes of what no AMQP method changes: users, what they may do, virtual hosts, parameters.
///
/// What is stored comes beside what the configuration says, and the configuration is right where
/// both say something: to change it here is refused then. Errors, all soft: 404 not_found when
/// what is to be changed, or what it refers to, is not there; 406 precondition_failed for a pattern
/// that cannot be read, and for what the configuration says.
///
/// Thread: values, any.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "broker/core/durable_definitions.hpp"

namespace leveret::broker {

/// A user who was not there has no permissions; one who was keeps them.
struct PutUser { User user; };
/// His permissions go with him.
struct DeleteUser { std::string name; };
struct SetPermissions { PermissionDefinition granted; };
/// Succeeds when there are none.
struct ClearPermissions { std::string user, vhost; };
struct SetTopicPermissions { TopicPermissionDefinition granted; };
/// Succeeds when there are none. Without an exchange: those for all exchanges.
struct ClearTopicPermissions {
  std::string user, vhost;
  std::optional<std::string> exchange;
};
/// Succeeds when it is there already.
struct AddVhost { std::string name; };
/// Switches RabbitMQ's firehose (firehose.hpp) on or off. It is off after a start.
struct TraceVhost { std::string name; bool is_on = false; };
/// All that is in it goes with it, and its connections are closed. One that the configuration
/// names is made again at the next start or reload.
struct DeleteVhost { std::string name; };
/// Pauses a queue or lets it go on; succeeds when it is so already. A paused queue takes messages
/// and delivers none. A durable one stays so over a restart.
struct PauseQueue {
  std::string vhost, queue;
  bool paused = true;
};
/// A policy is checked as RabbitMQ does, with its texts (and 540 for what Leveret cannot do yet),
/// and answered when every shard has applied what follows from it.
struct PutParameter { ParameterDefinition parameter; };
struct DeleteParameter { ParameterKey key; };

using DefinitionChange =
    std::variant<PutUser, DeleteUser, SetPermissions, ClearPermissions, SetTopicPermissions,
                 ClearTopicPermissions, AddVhost, TraceVhost, DeleteVhost, PauseQueue, PutParameter,
                 DeleteParameter>;

}  // namespace leveret::broker
