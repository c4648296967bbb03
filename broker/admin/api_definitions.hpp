/// All definitions at once: /api/definitions, and /api/all-configuration as it was called before.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> get_definitions(Call& call);
Awaitable<Reply> get_vhost_definitions(Call& call);
/// What is there already stays, or becomes what the body says; nothing is deleted.
Awaitable<Reply> post_definitions(Call& call);
/// The same for what belongs into one virtual host, whichever it came from.
Awaitable<Reply> post_vhost_definitions(Call& call);

}  // namespace leveret::admin
