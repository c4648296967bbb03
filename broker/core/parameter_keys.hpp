/// Names of parameters that the broker gives a meaning to.
///
/// Thread: pure functions, any.
#pragma once

#include <string>
#include <string_view>

#include "broker/core/durable_definitions.hpp"

namespace leveret::broker {

/// The component of RabbitMQ's global parameters, which have none there.
constexpr std::string_view global_parameters = "global";

/// A virtual host's description, tags and default queue type: an object.
inline ParameterKey vhost_metadata_key(std::string vhost) {
  return {std::move(vhost), "vhost", "metadata"};
}
/// An object with max-connections and max-queues.
inline ParameterKey vhost_limits_key(std::string vhost) {
  return {std::move(vhost), "vhost-limits", "limits"};
}
/// An object with max-connections and max-channels.
inline ParameterKey user_limits_key(std::string user) {
  return {std::nullopt, "user-limits", std::move(user)};
}
/// The SHA-256 of a definitions file as it was imported last: a text.
inline ParameterKey imported_file_key(std::string path) {
  return {std::nullopt, "definitions-import", std::move(path)};
}

}  // namespace leveret::broker
