/// Users of the broker: /api/whoami, /api/users.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> get_whoami(Call& call);
Awaitable<Reply> list_users(Call& call);
Awaitable<Reply> list_users_without_permissions(Call& call);
Awaitable<Reply> delete_users(Call& call);
Awaitable<Reply> get_user(Call& call);
Awaitable<Reply> put_user(Call& call);
Awaitable<Reply> delete_user(Call& call);

}  // namespace leveret::admin
