#include "broker/server/configured_users.hpp"

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

}  // namespace

std::vector<std::string> problems_of_users(const config::Config& config) {
  std::vector<std::string> problems;
  for (const config::User& user : config.auth.users) {
    const std::string prefix = user.origin + ": auth: user '" + user.name + "': ";
    if (const auto hash = hash_of(user, config.auth); !hash) {
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
  return problems;
}

std::shared_ptr<const broker::Users> make_users(const config::Config& config) {
  auto users = std::make_shared<broker::Users>();
  for (const config::User& user : config.auth.users) {
    auto hash = hash_of(user, config.auth);
    LEVERET_ASSERT(hash.has_value(), "hashes have been checked before they are used");
    users->add({user.name, std::move(*hash), user.tags});
    for (const config::Permissions& granted : user.permissions) {
      users->set_permissions(user.name, granted.vhost,
                             {pattern_of(granted.configure), pattern_of(granted.write),
                              pattern_of(granted.read)});
    }
  }
  return users;
}

}  // namespace leveret::server
