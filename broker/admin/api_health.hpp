/// Health checks: 200 when all is well, otherwise 503 with what is not. /api/health/checks.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// Of the whole cluster, which is this node: the same as local-alarms.
Awaitable<Reply> check_alarms(Call& call);
Awaitable<Reply> check_virtual_hosts(Call& call);
Awaitable<Reply> check_port_listener(Call& call);
Awaitable<Reply> check_protocol_listener(Call& call);
/// Whether a cluster would lose something without this node: there is no other.
Awaitable<Reply> check_single_node(Call& call);
/// Whether a certificate of a listener ends within so many days, weeks, months or years.
Awaitable<Reply> check_certificate_expiration(Call& call);
/// The broker is not stopping.
Awaitable<Reply> check_is_in_service(Call& call);
Awaitable<Reply> check_below_connection_limit(Call& call);
/// All of: in service, a port for AMQP, below the limit of connections.
Awaitable<Reply> check_ready_to_serve_clients(Call& call);

}  // namespace leveret::admin
