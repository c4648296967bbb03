#include "broker/core/users.hpp"

#include <algorithm>
#include <set>

#include "broker/core/resource_name.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::configure: return "configure";
    case Operation::write: return "write";
    case Operation::read: return "read";
  }
  return {};
}

/// `text` with every `placeholder` replaced by a pattern that stands for `value` literally.
std::string expand(std::string text, std::string_view placeholder, std::string_view value) {
  std::string literal;
  for (const char character : value) {
    if (std::string_view(R"(\^$.|?*+()[]{})").find(character) != std::string_view::npos) {
      literal += '\\';
    }
    literal += character;
  }
  for (std::size_t at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + literal.size())) {
    text.replace(at, placeholder.size(), literal);
  }
  return text;
}

/// The refusal in the words of RabbitMQ 3.13 (3.10 leaves the operation out).
tl::unexpected<AmqpError> refuse(Operation operation, const std::string& resource,
                                 std::string_view user, PermissionPattern::Outcome outcome) {
  std::string text(operation_name(operation));
  text.append(" access to ").append(resource).append(" refused for user '").append(user);
  text += '\'';
  if (outcome == PermissionPattern::Outcome::gave_up) {
    text += ": matching the permission's pattern took too many steps";
  }
  return tl::unexpected(AmqpError::access_refused(std::move(text)));
}

}  // namespace

bool User::has_tag(std::string_view tag) const {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

void Users::add(User user) {
  std::string name = user.name;
  users_.insert_or_assign(std::move(name), std::move(user));
}

void Users::set_permissions(const std::string& user, const std::string& vhost,
                            Permissions permissions) {
  permissions_.insert_or_assign({user, vhost}, std::move(permissions));
}

Result<void, std::string> Users::set_topic_permissions(const std::string& user,
                                                       const std::string& vhost,
                                                       const std::string& exchange,
                                                       const TopicPermissions& permissions) {
  // User and vhost are known here, so that no check has to build a pattern.
  const auto compile = [&](const std::string& text) {
    return PermissionPattern::compile(expand(expand(text, "{username}", user), "{vhost}", vhost));
  };
  auto write = compile(permissions.write);
  if (!write) return tl::unexpected(std::move(write.error()));
  auto read = compile(permissions.read);
  if (!read) return tl::unexpected(std::move(read.error()));
  topic_permissions_[{user, vhost}].insert_or_assign(
      exchange, TopicPatterns{permissions, std::move(*write), std::move(*read)});
  return {};
}

void Users::set_limits(const std::string& user, const UserLimits& limits) {
  if (limits == UserLimits{}) {
    limits_.erase(user);
  } else {
    limits_.insert_or_assign(user, limits);
  }
}

void Users::remove(const std::string& user) {
  const auto is_users = [&](const auto& entry) { return entry.first.first == user; };
  users_.erase(user);
  limits_.erase(user);
  std::erase_if(permissions_, is_users);
  std::erase_if(topic_permissions_, is_users);
}

void Users::clear_permissions(const std::string& user, const std::string& vhost) {
  permissions_.erase({user, vhost});
}

void Users::clear_topic_permissions(const std::string& user, const std::string& vhost,
                                    const std::string& exchange) {
  const auto place = topic_permissions_.find({user, vhost});
  if (place == topic_permissions_.end()) return;
  place->second.erase(exchange);
  if (place->second.empty()) topic_permissions_.erase(place);
}

void Users::clear_topic_permissions(const std::string& user, const std::string& vhost) {
  topic_permissions_.erase({user, vhost});
}

void Users::remove_vhost(std::string_view vhost) {
  const auto is_vhosts = [&](const auto& entry) { return entry.first.second == vhost; };
  std::erase_if(permissions_, is_vhosts);
  std::erase_if(topic_permissions_, is_vhosts);
}

void Users::overlay(const Users& others) {
  for (const auto& [name, user] : others.users_) users_.insert_or_assign(name, user);
  for (const auto& [name, limits] : others.limits_) limits_.insert_or_assign(name, limits);
  for (const auto& [key, granted] : others.permissions_) {
    permissions_.insert_or_assign(key, granted);
  }
  for (const auto& [key, of_exchanges] : others.topic_permissions_) {
    for (const auto& [exchange, granted] : of_exchanges) {
      topic_permissions_[key].insert_or_assign(exchange, granted);
    }
  }
}

const User* Users::find(std::string_view name) const {
  const auto place = users_.find(name);
  return place == users_.end() ? nullptr : &place->second;
}

const UserLimits& Users::limits_of(std::string_view user) const {
  static const UserLimits none;
  const auto place = limits_.find(user);
  return place == limits_.end() ? none : place->second;
}

const Permissions* Users::find_permissions(std::string_view user, std::string_view vhost) const {
  const auto place = permissions_.find(std::pair(user, vhost));
  return place == permissions_.end() ? nullptr : &place->second;
}

bool Users::has_topic_permissions(std::string_view user, std::string_view vhost,
                                  std::string_view exchange) const {
  const auto place = topic_permissions_.find(std::pair(user, vhost));
  return place != topic_permissions_.end() && place->second.contains(exchange);
}

std::vector<std::string> Users::names_permitted_in(std::string_view vhost) const {
  std::set<std::string> names;
  for (const auto& [key, granted] : permissions_) {
    if (key.second == vhost) names.insert(key.first);
  }
  for (const auto& [key, of_exchanges] : topic_permissions_) {
    if (key.second == vhost) names.insert(key.first);
  }
  return {names.begin(), names.end()};
}

bool Users::may_access_vhost(std::string_view user, std::string_view vhost) const {
  return find_permissions(user, vhost) != nullptr;
}

Result<void, AmqpError> Users::check_access(std::string_view user, std::string_view vhost,
                                            Operation operation, ResourceKind kind,
                                            std::string_view name) const {
  // The default exchange has no name, so permissions and texts use this one.
  if (kind == ResourceKind::exchange && name.empty()) name = "amq.default";
  auto outcome = PermissionPattern::Outcome::differs;
  if (const Permissions* granted = find_permissions(user, vhost)) {
    const PermissionPattern& pattern = operation == Operation::configure ? granted->configure
                                       : operation == Operation::write   ? granted->write
                                                                         : granted->read;
    outcome = pattern.match(name);
  }
  if (outcome == PermissionPattern::Outcome::matches) return {};
  return refuse(operation, kind == ResourceKind::queue ? queue_resource(name, vhost)
                                                       : exchange_resource(name, vhost),
                user, outcome);
}

Result<void, AmqpError> Users::check_topic_access(std::string_view user, std::string_view vhost,
                                                  Operation operation, std::string_view exchange,
                                                  std::string_view routing_key) const {
  LEVERET_ASSERT(operation != Operation::configure, "routing keys are written or read");
  const auto place = topic_permissions_.find(std::pair(user, vhost));
  if (place == topic_permissions_.end()) return {};
  const auto of_exchange = place->second.find(exchange);
  if (of_exchange == place->second.end()) return {};
  const TopicPatterns& granted = of_exchange->second;
  const auto outcome = (operation == Operation::write ? granted.write : granted.read)
                           .match(routing_key);
  if (outcome == PermissionPattern::Outcome::matches) return {};
  return refuse(operation,
                "topic '" + std::string(routing_key) + "' in " +
                    exchange_resource(exchange, vhost),
                user, outcome);
}

bool may_connect_from(std::string_view user, bool is_loopback,
                      const std::vector<std::string>& loopback_only_users) {
  return is_loopback || std::find(loopback_only_users.begin(), loopback_only_users.end(), user) ==
                            loopback_only_users.end();
}

}  // namespace leveret::broker
