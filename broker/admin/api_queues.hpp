/// Queues, and what is in them: /api/queues.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_queues(Call& call);
Awaitable<Reply> get_queue(Call& call);
Awaitable<Reply> put_queue(Call& call);
Awaitable<Reply> delete_queue(Call& call);
Awaitable<Reply> purge_queue(Call& call);
Awaitable<Reply> get_messages(Call& call);
Awaitable<Reply> pause_queue(Call& call);
Awaitable<Reply> resume_queue(Call& call);

}  // namespace leveret::admin
