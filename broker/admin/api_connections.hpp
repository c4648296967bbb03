/// AMQP clients: /api/connections, /api/channels, /api/consumers.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_connections(Call& call);
Awaitable<Reply> list_connections_of_vhost(Call& call);
Awaitable<Reply> list_connections_of_user(Call& call);
Awaitable<Reply> get_connection(Call& call);
Awaitable<Reply> close_connection(Call& call);
Awaitable<Reply> close_connections_of_user(Call& call);
Awaitable<Reply> list_channels(Call& call);
Awaitable<Reply> list_channels_of_vhost(Call& call);
Awaitable<Reply> list_channels_of_connection(Call& call);
Awaitable<Reply> get_channel(Call& call);
Awaitable<Reply> list_consumers(Call& call);
Awaitable<Reply> list_consumers_of_vhost(Call& call);

}  // namespace leveret::admin
