/// Virtual hosts: /api/vhosts.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_vhosts(Call& call);
Awaitable<Reply> get_vhost(Call& call);
Awaitable<Reply> put_vhost(Call& call);
Awaitable<Reply> delete_vhost(Call& call);

}  // namespace leveret::admin
