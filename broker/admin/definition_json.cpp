#include "broker/admin/definition_json.hpp"

#include <string_view>

namespace leveret::admin {

namespace json = boost::json;
using broker::User;
using broker::Users;

namespace {

std::string_view algorithm_name(broker::HashAlgorithm algorithm) {
  switch (algorithm) {
    case broker::HashAlgorithm::sha256: return "rabbit_password_hashing_sha256";
    case broker::HashAlgorithm::sha512: return "rabbit_password_hashing_sha512";
    case broker::HashAlgorithm::md5: return "rabbit_password_hashing_md5";
  }
  return "";
}

bool is_meant(const PermissionFilter& filter, const std::string& user, const std::string& vhost) {
  return (filter.user.empty() || user == filter.user) &&
         (filter.vhost.empty() || vhost == filter.vhost);
}

}  // namespace

json::object json_of(const broker::UserLimits& limits) {
  json::object object;
  if (limits.connections_max) object["max-connections"] = *limits.connections_max;
  if (limits.channels_max) object["max-channels"] = *limits.channels_max;
  return object;
}

json::object json_of(const Users& users, const User& user) {
  return {{"name", user.name},
          {"password_hash", user.password_hash.base64()},
          {"hashing_algorithm", algorithm_name(user.password_hash.algorithm())},
          {"tags", json::array(user.tags.begin(), user.tags.end())},
          {"limits", json_of(users.limits_of(user.name))}};
}

json::array permissions_json(const Users& users, const PermissionFilter& filter) {
  json::array list;
  users.for_each_permissions([&](const std::string& user, const std::string& vhost,
                                 const broker::Permissions& permissions) {
    if (!is_meant(filter, user, vhost)) return;
    list.push_back(json::object{{"user", user},
                                {"vhost", vhost},
                                {"configure", permissions.configure.text()},
                                {"write", permissions.write.text()},
                                {"read", permissions.read.text()}});
  });
  return list;
}

json::array topic_permissions_json(const Users& users, const PermissionFilter& filter) {
  json::array list;
  users.for_each_topic_permissions([&](const std::string& user, const std::string& vhost,
                                       const std::string& exchange, const std::string& write,
                                       const std::string& read) {
    if (!is_meant(filter, user, vhost)) return;
    list.push_back(json::object{{"user", user},
                                {"vhost", vhost},
                                {"exchange", exchange},
                                {"write", write},
                                {"read", read}});
  });
  return list;
}

}  // namespace leveret::admin
