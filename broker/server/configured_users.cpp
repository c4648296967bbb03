#include "broker/server/configured_users.hpp"

#include <utility>

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

}  // namespace

std::vector<std::string> problems_of_users(const config::Config& config) {
  const config::Auth& auth = config.auth;
  std::vector<std::string> problems;
  for (const config::User& user : auth.users) add_problems(user, auth, problems);
  if (auth.default_user) add_problems(*auth.default_user, auth, problems);
  return problems;
}

std::shared_ptr<const broker::Users> make_listed_users(const config::Config& config) {
  auto users = std::make_shared<broker::Users>();
  for (const config::User& user : config.auth.users) add_user(user, config.auth, *users);
  return users;
}

std::vector<broker::DefinitionChange> first_boot_changes(const config::Config& config) {
  std::vector<broker::DefinitionChange> changes;
  if (!config.auth.default_user) return changes;
  const config::User& user = *config.auth.default_user;
  // As RabbitMQ has it: who brings definitions brings users, and wants no well-known one beside.
  if (user.origin == "default" && !config.definitions.files.empty()) return changes;
  auto hash = hash_of(user, config.auth);
  LEVERET_ASSERT(hash.has_value(), "hashes have been checked before they are used");
  changes.push_back(broker::PutUser{{user.name, std::move(*hash), user.tags}});
  for (const config::Permissions& granted : user.permissions) {
    changes.push_back(broker::AddVhost{granted.vhost});
    changes.push_back(broker::SetPermissions{
        {user.name, granted.vhost, granted.configure, granted.write, granted.read}});
  }
  return changes;
}

}  // namespace leveret::server
