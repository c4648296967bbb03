/// The users that a configuration names, as the broker knows users: patterns compiled, passwords
/// hashed.
///
/// Thread: start-up and reload only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/core/definition_change.hpp"
#include "broker/core/users.hpp"
#include "config/config.hpp"

namespace leveret::server {

/// What is wrong with patterns and hashes, each as "where: auth: user 'name': sentence".
std::vector<std::string> problems_of_users(const config::Config& config);

/// The users of auth.users, who hold as long as they are listed. Requires: problems_of_users() has
/// found none.
std::shared_ptr<const broker::Users> make_listed_users(const config::Config& config);

/// What a new data directory begins with: auth.default_user with his virtual host and permissions;
/// nothing when a listed user stands in his place. Requires: as above.
std::vector<broker::DefinitionChange> first_boot_changes(const config::Config& config);

}  // namespace leveret::server
