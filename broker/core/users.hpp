/// Who may log in, and what each user may do where.
///
/// Built once, then shared unchanged by all shards; a change replaces the whole.
///
/// Thread: immutable once shared, any.
/// Spec:   RabbitMQ's access control: configure, write and read patterns per user and vhost.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/password_hash.hpp"
#include "broker/core/permission_pattern.hpp"
#include "broker/core/resource_limits.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

enum class Operation : std::uint8_t { configure, write, read };
enum class ResourceKind : std::uint8_t { queue, exchange };

struct User {
  std::string name;
  PasswordHash password_hash;
  std::vector<std::string> tags;

  bool has_tag(std::string_view tag) const;
};

struct Permissions {
  PermissionPattern configure, write, read;
};

/// Patterns on routing keys of one topic exchange. `{username}` and `{vhost}` stand for the names
/// themselves, literally. `{client_id}` is left as it is: AMQP clients have none.
struct TopicPermissions {
  std::string write, read;
};

class Users {
 public:
  void add(User user);
  void set_permissions(const std::string& user, const std::string& vhost, Permissions permissions);

  /// Error: a sentence, for a pattern that cannot be read; nothing has changed then.
  Result<void, std::string> set_topic_permissions(const std::string& user,
                                                  const std::string& vhost,
                                                  const std::string& exchange,
                                                  const TopicPermissions& permissions);

  /// Limits of a user, who need not be there.
  void set_limits(const std::string& user, const UserLimits& limits);

  /// Takes a user away, with limits and all that the name is permitted. It need not be there.
  void remove(const std::string& user);
  void clear_permissions(const std::string& user, const std::string& vhost);
  void clear_topic_permissions(const std::string& user, const std::string& vhost,
                               const std::string& exchange);
  /// Those for all exchanges of the vhost.
  void clear_topic_permissions(const std::string& user, const std::string& vhost);
  /// Takes away whatever is permitted in a vhost.
  void remove_vhost(std::string_view vhost);
  /// Adds what the others say; where both say something, they are right.
  void overlay(const Users& others);

  /// Null when there is none of that name.
  const User* find(std::string_view name) const;
  const UserLimits& limits_of(std::string_view user) const;
  /// Null when the user may not enter the vhost.
  const Permissions* find_permissions(std::string_view user, std::string_view vhost) const;
  bool has_topic_permissions(std::string_view user, std::string_view vhost,
                             std::string_view exchange) const;
  /// Names for which a vhost has permissions of either kind.
  std::vector<std::string> names_permitted_in(std::string_view vhost) const;

  /// Calls visit(user), in the order of names.
  template <class Visit>
  void for_each_user(Visit&& visit) const {
    for (const auto& [name, user] : users_) visit(user);
  }
  /// Calls visit(user, vhost, permissions), in the order of names.
  template <class Visit>
  void for_each_permissions(Visit&& visit) const {
    for (const auto& [place, permissions] : permissions_) {
      visit(place.first, place.second, permissions);
    }
  }
  /// Calls visit(user, vhost, exchange, permissions), in the order of names.
  template <class Visit>
  void for_each_topic_permissions(Visit&& visit) const {
    for (const auto& [place, exchanges] : topic_permissions_) {
      for (const auto& [exchange, patterns] : exchanges) {
        visit(place.first, place.second, exchange, patterns.granted);
      }
    }
  }

  /// A user enters a vhost by having permissions there, whatever they permit.
  bool may_access_vhost(std::string_view user, std::string_view vhost) const;

  /// Error: 403 access_refused, soft. Its text tells when a pattern was too much work to match.
  Result<void, protocol::AmqpError> check_access(std::string_view user, std::string_view vhost,
                                                 Operation operation, ResourceKind kind,
                                                 std::string_view name) const;

  /// Users without topic permissions for the exchange may use every key. Error: 403
  /// access_refused, soft.
  Result<void, protocol::AmqpError> check_topic_access(std::string_view user,
                                                       std::string_view vhost, Operation operation,
                                                       std::string_view exchange,
                                                       std::string_view routing_key) const;

 private:
  using UserAndVhost = std::pair<std::string, std::string>;
  struct Less {
    using is_transparent = void;
    bool operator()(const auto& left, const auto& right) const {
      return std::pair<std::string_view, std::string_view>(left) <
             std::pair<std::string_view, std::string_view>(right);
    }
  };

  std::map<std::string, User, std::less<>> users_;
  std::map<std::string, UserLimits, std::less<>> limits_;
  std::map<UserAndVhost, Permissions, Less> permissions_;
  struct TopicPatterns {
    TopicPermissions granted;
    PermissionPattern write, read;  ///< With the names in their places.
  };
  std::map<UserAndVhost, std::map<std::string, TopicPatterns, std::less<>>, Less>
      topic_permissions_;  ///< Inner key: the exchange.
};

/// Some users may only come from the broker's own machine.
bool may_connect_from(std::string_view user, bool is_loopback,
                      const std::vector<std::string>& loopback_only_users);

}  // namespace leveret::broker
