/// Where federated exchanges and queues get messages from: the values of the parameters
/// `federation-upstream` and `federation-upstream-set`, and what a policy makes of them.
///
/// Thread: values and pure functions.
/// Peer:   rabbit_federation_parameters and rabbit_federation_upstream: keys, words, defaults.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/durable_definitions.hpp"
#include "broker/core/link_settings.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// One upstream, for one exchange or queue.
struct FederationUpstream {
  std::string name;
  std::vector<std::string> uris;  ///< At least one.
  std::string exchange;           ///< The upstream's own name of the exchange,
  std::string queue;              ///< and of the queue.
  std::string consumer_tag;
  std::uint16_t prefetch_count = 1000;
  std::uint32_t reconnect_delay_ms = 5000;
  std::uint32_t max_hops = 1;
  std::optional<std::uint32_t> expires_ms;
  std::optional<std::uint32_t> message_ttl_ms;
  bool trust_user_id = false;
  LinkAckMode ack_mode = LinkAckMode::on_confirm;
  bool bind_nowait = false;
  bool keeps_resources = false;  ///< resource-cleanup-mode never.
  bool uses_one_channel = false;  ///< channel-use-mode single.
  bool operator==(const FederationUpstream&) const = default;
};

/// What a policy says about federation; RabbitMQ lets one of them be set.
struct FederationPolicy {
  std::optional<std::string> upstream, upstream_set, upstream_pattern;
  bool is_set() const { return upstream || upstream_set || upstream_pattern; }
  bool operator==(const FederationPolicy&) const = default;
};

/// Checks the value of a `federation-upstream`. Error: RabbitMQ's text.
Result<void, std::string> check_federation_upstream(std::string_view name, std::string_view json);
/// Checks the value of a `federation-upstream-set`. Error: RabbitMQ's text.
Result<void, std::string> check_federation_upstream_set(std::string_view name,
                                                        std::string_view json);

/// All upstreams of an exchange or queue of this name, by the parameters of its virtual host. What
/// is named and not there is passed over.
std::vector<FederationUpstream> upstreams_of(
    const FederationPolicy& policy, const std::map<ParameterKey, std::string>& parameters,
    const std::string& vhost, const std::string& name);

}  // namespace leveret::broker
