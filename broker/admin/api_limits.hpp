/// Limits of virtual hosts and users: /api/vhost-limits, /api/user-limits.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_vhost_limits(Call& call);
/// A list of one, or of none.
Awaitable<Reply> get_vhost_limits(Call& call);
Awaitable<Reply> put_vhost_limit(Call& call);
Awaitable<Reply> delete_vhost_limit(Call& call);

Awaitable<Reply> list_user_limits(Call& call);
/// A list of one, or of none.
Awaitable<Reply> get_user_limits(Call& call);
Awaitable<Reply> put_user_limit(Call& call);
Awaitable<Reply> delete_user_limit(Call& call);

}  // namespace leveret::admin
