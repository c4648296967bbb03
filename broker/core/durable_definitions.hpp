/// What of the topology outlives the process, as the keys and values that the log keeps.
///
/// A key is the kind in one byte, then what names the thing. A value is a version in one byte,
/// then the rest. Numbers are written as AMQP writes them, most significant byte first. A text is
/// its length (4 bytes) and its bytes, whatever they are; so no name can look like two, and all
/// that belongs to a thing has a prefix of its own. Arguments are AMQP field tables with their
/// length.
///
///     kind and key                                       value, version 1
///     1 vhost: name
///     2 user: name                                       algorithm (1 byte), hash in base64,
///                                                        number of tags (4 bytes), each tag
///     3 permissions: user, vhost                         configure, write, read
///     4 topic permissions: user, vhost, exchange         write, read
///     5 exchange: vhost, name                            type (1 byte), flags (1 byte: 1
///                                                        auto-delete, 2 internal, 4 a number
///                                                        follows), number (8 bytes), arguments
///     6 queue: vhost, name                               flags (1 byte: 1 auto-delete, 2
///                                                        paused), number (8 bytes), arguments
///     7 binding: vhost, source, kind of the destination
///       (1 byte: 0 queue, 1 exchange), destination,
///       routing key, arguments
///     8 parameter: scope (1 byte: 0 node; 1 vhost, whose JSON text
///       name follows), component, name
///     9 queue numbers                                    highest number of a queue that is gone
///                                                        (8 bytes)
///
/// Algorithms: 0 SHA-256, 1 SHA-512, 2 MD5. Types: as ExchangeType has them.
/// The kinds are numbered so that what is needed comes before what needs it.
///
/// Thread: values and pure functions, any.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "broker/core/queue_definition.hpp"
#include "broker/core/topology_delta.hpp"
#include "broker/core/users.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

enum class DefinitionKind : std::uint8_t {
  vhost = 1,
  user = 2,
  permissions = 3,
  topic_permissions = 4,
  exchange = 5,
  queue = 6,
  binding = 7,
  parameter = 8,
  queue_numbers = 9,
};

struct VhostDefinition {
  std::string name;
};

/// What a user may do in a vhost: the patterns' texts.
struct PermissionDefinition {
  std::string user, vhost;
  std::string configure, write, read;
};

/// Error: a sentence, for a pattern that cannot be read.
Result<Permissions, std::string> compile_permissions(const PermissionDefinition& granted);

struct TopicPermissionDefinition {
  std::string user, vhost, exchange;
  TopicPermissions permissions;
};

/// Names a parameter. Policies are parameters of the component `policy`, as RabbitMQ keeps them.
struct ParameterKey {
  std::optional<std::string> vhost;  ///< None: a parameter of the node.
  std::string component;
  std::string name;
  auto operator<=>(const ParameterKey&) const = default;
};
struct ParameterDefinition {
  ParameterKey key;
  std::string json;  ///< Kept as it is.
};

/// Numbers of durable queues up to here have been used and may not be given again.
struct QueueNumbersDefinition {
  std::uint64_t highest_removed = 0;
};

/// A QueueDefinition has neither settings nor a place yet, an ExchangeDefinition no alternate
/// exchange: what arguments mean is not kept.
using DurableDefinition =
    std::variant<VhostDefinition, User, PermissionDefinition, TopicPermissionDefinition,
                 ExchangeDefinition, QueueDefinition, BindingDefinition, ParameterDefinition,
                 QueueNumbersDefinition>;

// ---- keys ----------------------------------------------------------------------------------

std::string vhost_key(std::string_view vhost);
std::string user_key(std::string_view user);
std::string permissions_key(std::string_view user, std::string_view vhost);
std::string topic_permissions_key(std::string_view user, std::string_view vhost,
                                  std::string_view exchange);
std::string exchange_key(std::string_view vhost, std::string_view exchange);
std::string queue_key(std::string_view vhost, std::string_view queue);
/// Requires: the arguments in the very order of those that were bound.
std::string binding_key(const BindingDefinition& binding);
std::string parameter_key(const ParameterKey& key);

// ---- prefixes of keys ----------------------------------------------------------------------

/// Every binding that leads away from the exchange.
std::string bindings_prefix(std::string_view vhost, std::string_view source);
/// All exchanges, queues, bindings or parameters of a vhost, by `kind`.
std::string vhost_prefix(DefinitionKind kind, std::string_view vhost);
/// All permissions of a user, of either kind.
std::string user_prefix(DefinitionKind kind, std::string_view user);
std::string topic_permissions_prefix(std::string_view user, std::string_view vhost);

// ---- there and back ------------------------------------------------------------------------

/// Keys with values, as the log gives them back: all that were defined and not undefined.
using KeptDefinitions = std::map<std::string, std::string, std::less<>>;

struct EncodedDefinition {
  std::string key, value;
};
EncodedDefinition encode_definition(const DurableDefinition& definition);

/// Reads what encode_definition() has written, and nothing else. Error: a sentence that names the
/// key.
Result<DurableDefinition, std::string> decode_definition(std::string_view key,
                                                         std::string_view value);

/// What a definition is about, for people: "queue 'q' in vhost '/'". Always one line.
std::string describe_definition(const DurableDefinition& definition);

}  // namespace leveret::broker
