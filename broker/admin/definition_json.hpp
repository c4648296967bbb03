/// Definitions as RabbitMQ writes them in JSON, in lists and in whole exports.
///
/// Thread: pure functions, any.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "broker/core/control_port.hpp"

namespace leveret::admin {

boost::json::object user_json(const broker::DefinitionsSnapshot& definitions,
                              const broker::User& user);
/// A virtual host by its name, with its metadata where there are any.
boost::json::object vhost_definition_json(const broker::DefinitionsSnapshot& definitions,
                                          const std::string& name);
/// What was last set; nothing: empty.
broker::VhostMetadata vhost_metadata(const broker::DefinitionsSnapshot& definitions,
                                     const std::string& name);

/// Which permissions are meant; an empty name: those of all.
struct PermissionFilter {
  std::string user, vhost;
};
boost::json::array permissions_json(const broker::Users& users, const PermissionFilter& filter);
/// Those of each exchange on its own.
boost::json::array topic_permissions_json(const broker::Users& users,
                                          const PermissionFilter& filter);

/// A parameter of a virtual host, or of the node, with its value.
boost::json::object parameter_json(const broker::ParameterKey& key, const std::string& text);
/// Of a parameter that is a policy. Requires: it is one, of either kind.
boost::json::object policy_json(const broker::ParameterKey& key, const std::string& text);
/// Whether a parameter is shown as one: policies of users are not, nor is what the broker keeps
/// for itself.
bool is_plain_parameter(const broker::ParameterKey& key);

}  // namespace leveret::admin
