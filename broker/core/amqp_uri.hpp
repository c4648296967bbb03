/// Where a broker is, who asks, and how: amqp://user:password@host:port/vhost?heartbeat=10.
///
/// Thread: plain value.
/// Peer:   RabbitMQ's URI specification as its Erlang client reads it (amqp_uri.erl). A URI without
///         a host means the very broker that reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace leveret::broker {

struct AmqpUri {
  bool is_tls = false;
  std::string host;  ///< Empty: this very broker.
  std::uint16_t port = 5672;
  std::optional<std::string> user, password;
  std::optional<std::string> vhost;  ///< None: what is usual where the URI stands.
  std::uint16_t heartbeat_s = 10;
  std::uint16_t channel_max = 2047;
  std::uint32_t frame_max_bytes = 0;  ///< 0: what the other broker says.
  std::uint32_t connection_timeout_ms = 60'000;
  /// In the order of preference, in capitals.
  std::vector<std::string> mechanisms = {"PLAIN", "AMQPLAIN"};

  bool is_local() const { return host.empty(); }

  /// Error: the reason in RabbitMQ's words, an Erlang term: "{unexpected_uri_scheme,\"http\"}".
  static Result<AmqpUri, std::string> parse(std::string_view text);
};

/// The URI as it may be shown: without user, password and what follows the path.
std::string without_credentials(std::string_view uri);

}  // namespace leveret::broker
