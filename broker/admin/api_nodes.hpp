/// The node: /api/nodes.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_nodes(Call& call);
Awaitable<Reply> get_node(Call& call);

}  // namespace leveret::admin
