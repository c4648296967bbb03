/// What users may do in virtual hosts: /api/permissions, /api/topic-permissions.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_permissions(Call& call);
Awaitable<Reply> list_permissions_of_vhost(Call& call);
Awaitable<Reply> list_permissions_of_user(Call& call);
Awaitable<Reply> get_permissions(Call& call);
Awaitable<Reply> put_permissions(Call& call);
Awaitable<Reply> delete_permissions(Call& call);

Awaitable<Reply> list_topic_permissions(Call& call);
Awaitable<Reply> list_topic_permissions_of_vhost(Call& call);
Awaitable<Reply> list_topic_permissions_of_user(Call& call);
/// A list, one for each exchange.
Awaitable<Reply> get_topic_permissions(Call& call);
Awaitable<Reply> put_topic_permissions(Call& call);
/// Those of all exchanges, or of the one that is the third name.
Awaitable<Reply> delete_topic_permissions(Call& call);

}  // namespace leveret::admin
