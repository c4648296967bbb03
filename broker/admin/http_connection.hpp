/// One HTTP connection: requests come, are answered, and so on until somebody hangs up.
///
/// Thread: that of the io_context.
/// Spec:   HTTP/1.1 and 1.0, on Beast.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// The other end of a connection.
struct HttpPeer {
  std::string address;
  bool is_loopback = false;
};

/// Serves a client's socket, which is taken over, and calls `ended` when it is closed.
void serve_http(boost::asio::io_context& context, int descriptor, HttpPeer peer,
                broker::ControlPort& broker, const NodeFacts& node, std::function<void()> ended);

}  // namespace leveret::admin
