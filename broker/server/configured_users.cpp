#include "broker/server/configured_users.hpp"

#include <algorithm>

#include "protocol/base/assert.hpp"

namespace leveret::server {

namespace {

broker::HashAlgorithm algorithm_of(const config::User& user, const config::Auth& auth) {
  const std::string& name =
      user.hashing_algorithm.empty() ? auth.hashing : user.hashing_algorithm;
  const auto algorithm = broker::parse_hash_algorithm(name);
  LEVERET_ASSERT(algorithm.has_value(), "the configuration names algorithms that exist");
  return *algorithm;
}

Result<broker::PasswordHash, std::string> hash_of(const config::User& user,
                                                  const config::Auth& auth) {
  const broker::HashAlgorithm algorithm = algorithm_of(user, auth);
  if (!user.password_hash.empty()) {
    return broker::PasswordHash::parse(user.password_hash, algorithm);
  }
  // Without a password nobody can log in with one.
  return user.password.empty() ? broker::PasswordHash{}
                               : broker::PasswordHash::of(user.password, algorithm);
}

broker::PermissionPattern pattern_of(const std::string& text) {
  auto pattern = broker::PermissionPattern::compile(text);
  LEVERET_ASSERT(pattern.has_value(), "patterns have been checked before they are used");
  return std::move(*pattern);
}

void add_problems(const config::User& user, const config::Auth& auth,
                  std::vector<std::string>& problems) {
  const std::string prefix = user.origin + ": auth: user '" + user.name + "': ";
  if (const auto hash = hash_of(user, auth); !hash) {
    problems.push_back(prefix + "password_hash: " + hash.error());
  }
  for (const config::Permissions& granted : user.permissions) {
    const auto check = [&](const char* kind, const std::string& text) {
      if (const auto pattern = broker::PermissionPattern::compile(text); !pattern) {
        problems.push_back(prefix + kind + ": " + pattern.error());
      }
    };
    check("configure", granted.configure);
    check("write", granted.write);
    check("read", granted.read);
  }
}

void add_user(const config::User& user, const config::Auth& auth, broker::Users& users) {
  auto hash = hash_of(user, auth);
  LEVERET_ASSERT(hash.has_value(), "hashes have been checked before they are used");
  users.add({user.name, std::move(*hash), user.tags});
  for (const config::Permissions& granted : user.permissions) {
    users.set_permissions(user.name, granted.vhost,
                          {pattern_of(granted.configure), pattern_of(granted.write),
                           pattern_of(granted.read)});
  }
}

std::shared_ptr<broker::Users> listed_users(const config::Auth& auth) {
  auto users = std::make_shared<broker::Users>();
  for (const config::User& user : auth.users) add_user(user, auth, *users);
  return users;
}

}  // namespace

std::vector<std::string> problems_of_users(const config::Config& config) {
  const config::Auth& auth = config.auth;
  std::vector<std::string> problems;
  for (const config::User& user : auth.users) add_problems(user, auth, problems);
  if (auth.default_user) add_problems(*auth.default_user, auth, problems);
  return problems;
}

std::shared_ptr<const broker::Users> make_users(const config::Config& config) {
  auto users = listed_users(config.auth);
  if (config.auth.default_user) add_user(*config.auth.default_user, config.auth, *users);
  return users;
}

std::shared_ptr<const broker::Users> make_listed_users(const config::Config& config) {
  return listed_users(config.auth);
}

std::shared_ptr<const broker::Users> make_default_user(const config::Config& config) {
  auto users = std::make_shared<broker::Users>();
  if (config.auth.default_user) add_user(*config.auth.default_user, config.auth, *users);
  return users;
}

std::vector<std::string> all_vhosts(const config::Config& config) {
  std::vector<std::string> vhosts = config.vhosts;
  if (!config.auth.default_user) return vhosts;
  for (const config::Permissions& granted : config.auth.default_user->permissions) {
    if (std::find(vhosts.begin(), vhosts.end(), granted.vhost) == vhosts.end()) {
      vhosts.push_back(granted.vhost);
    }
  }
  return vhosts;
}

}  // namespace leveret::server
