/// The broker as a whole: /api/overview, /api/aliveness-test.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> get_overview(Call& call);
Awaitable<Reply> test_aliveness(Call& call);

}  // namespace leveret::admin
