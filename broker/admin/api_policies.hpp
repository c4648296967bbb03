/// Policies and operators' policies: /api/policies, /api/operator-policies.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

Awaitable<Reply> list_policies(Call& call);
Awaitable<Reply> list_policies_of_vhost(Call& call);
Awaitable<Reply> get_policy(Call& call);
Awaitable<Reply> put_policy(Call& call);
Awaitable<Reply> delete_policy(Call& call);

Awaitable<Reply> list_operator_policies(Call& call);
Awaitable<Reply> list_operator_policies_of_vhost(Call& call);
Awaitable<Reply> get_operator_policy(Call& call);
Awaitable<Reply> put_operator_policy(Call& call);
Awaitable<Reply> delete_operator_policy(Call& call);

}  // namespace leveret::admin
