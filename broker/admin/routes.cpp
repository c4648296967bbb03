#include <array>

#include "broker/admin/api_users.hpp"
#include "broker/admin/api_vhosts.hpp"
#include "broker/admin/router.hpp"

namespace leveret::admin {

namespace {

using A = Audience;

// A path without variables comes before one that would take its name for a variable.
const std::array routes{
    Route{Verb::get, "whoami", A::management, get_whoami},

    Route{Verb::get, "users", A::administrator, list_users},
    Route{Verb::get, "users/without-permissions", A::administrator, list_users_without_permissions},
    Route{Verb::post, "users/bulk-delete", A::administrator, delete_users},
    Route{Verb::get, "users/:user", A::administrator, get_user},
    Route{Verb::put, "users/:user", A::administrator, put_user},
    Route{Verb::remove, "users/:user", A::administrator, delete_user},

    Route{Verb::get, "vhosts", A::management, list_vhosts},
    Route{Verb::get, "vhosts/:vhost", A::administrator, get_vhost},
    Route{Verb::put, "vhosts/:vhost", A::administrator, put_vhost},
    Route{Verb::remove, "vhosts/:vhost", A::administrator, delete_vhost},
};

}  // namespace

std::span<const Route> all_routes() { return routes; }

}  // namespace leveret::admin
