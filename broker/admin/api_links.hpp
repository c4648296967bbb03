/// Shovels and federation links: /api/shovels, /api/federation-links.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_shovels(Call& call);
Awaitable<Reply> list_federation_links(Call& call);

}  // namespace leveret::admin
