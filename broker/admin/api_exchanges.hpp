/// Exchanges, and publishing to them: /api/exchanges.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_exchanges(Call& call);
Awaitable<Reply> get_exchange(Call& call);
Awaitable<Reply> put_exchange(Call& call);
Awaitable<Reply> delete_exchange(Call& call);
Awaitable<Reply> publish_message(Call& call);

}  // namespace leveret::admin
