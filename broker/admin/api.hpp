/// The API as a function: from a request to its reply, whatever carries them.
///
/// Thread: that of the HTTP server.
/// Spec:   RabbitMQ's HTTP API, below /api.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/admin/call.hpp"

namespace leveret::admin {

struct ApiRequest {
  std::string method;  ///< "GET", "HEAD", ...
  std::string target;
  std::optional<std::string> authorization;
  std::string body;
  std::string reason;  ///< The header X-Reason.
  /// Where it came from.
  std::string peer_address;
  bool is_from_loopback = false;
};

/// Routes, authenticates, authorises and handles a request. Never fails; a HEAD has the body of its
/// GET, which the caller leaves out.
Awaitable<Reply> answer(broker::ControlPort& broker, const NodeFacts& node, ApiRequest request);

}  // namespace leveret::admin
