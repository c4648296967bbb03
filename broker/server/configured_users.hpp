/// The users that a configuration names, as the broker knows users: patterns compiled, passwords
/// hashed.
///
/// Thread: start-up and reload only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/core/users.hpp"
#include "config/config.hpp"

namespace leveret::server {

/// What is wrong with patterns and hashes, each as "where: auth: user 'name': sentence".
std::vector<std::string> problems_of_users(const config::Config& config);

/// The users of auth.users and auth.default_user. Requires: problems_of_users() has found none.
std::shared_ptr<const broker::Users> make_users(const config::Config& config);

/// Only those of auth.users, which hold as long as they are listed. Requires: as above.
std::shared_ptr<const broker::Users> make_listed_users(const config::Config& config);

/// Only auth.default_user, whom a new data directory begins with; nobody when a listed user stands
/// in its place. Requires: as above.
std::shared_ptr<const broker::Users> make_default_user(const config::Config& config);

/// The virtual hosts of `vhosts`, and the one of auth.default_user.
std::vector<std::string> all_vhosts(const config::Config& config);

}  // namespace leveret::server
