/// Limits of virtual hosts and users, which are parameters.
///
/// Thread: values and pure functions, any.
/// Spec:   RabbitMQ's vhost and user limits: a negative number is no limit, 0 lets nobody in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace leveret::broker {

struct VhostLimits {
  std::optional<std::uint64_t> connections_max;
  std::optional<std::uint64_t> queues_max;
  bool operator==(const VhostLimits&) const = default;
};

struct UserLimits {
  std::optional<std::uint64_t> connections_max;
  std::optional<std::uint64_t> channels_max;
  bool operator==(const UserLimits&) const = default;
};

/// Reads {"max-connections": 10, "max-queues": 3}. Error: a sentence in RabbitMQ's words.
Result<VhostLimits, std::string> parse_vhost_limits(std::string_view json);
/// Reads {"max-connections": 10, "max-channels": 30}. Error: as above.
Result<UserLimits, std::string> parse_user_limits(std::string_view json);

}  // namespace leveret::broker
