/// Bindings, from both of their ends: /api/bindings, and what ends in /bindings.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_bindings(Call& call);
Awaitable<Reply> list_bindings_of_queue(Call& call);
Awaitable<Reply> list_bindings_from_exchange(Call& call);
Awaitable<Reply> list_bindings_to_exchange(Call& call);
// Those between an exchange and a queue, or another exchange.
Awaitable<Reply> list_bindings_to(Call& call);
Awaitable<Reply> post_binding(Call& call);
Awaitable<Reply> get_binding(Call& call);
Awaitable<Reply> delete_binding(Call& call);

}  // namespace leveret::admin
