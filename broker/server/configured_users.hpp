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

/// Requires: problems_of_users() has found none.
std::shared_ptr<const broker::Users> make_users(const config::Config& config);

}  // namespace leveret::server
