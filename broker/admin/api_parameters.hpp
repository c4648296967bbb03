/// Parameters of virtual hosts and of the node: /api/parameters, /api/global-parameters.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// All of them, those of a component, or those of a component in a virtual host.
Awaitable<Reply> list_parameters(Call& call);
Awaitable<Reply> get_parameter(Call& call);
Awaitable<Reply> put_one_parameter(Call& call);
Awaitable<Reply> delete_one_parameter(Call& call);

Awaitable<Reply> list_global_parameters(Call& call);
Awaitable<Reply> get_global_parameter(Call& call);
Awaitable<Reply> put_global_parameter(Call& call);
Awaitable<Reply> delete_global_parameter(Call& call);

}  // namespace leveret::admin
