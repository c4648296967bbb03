#include "broker/admin/definition_json.hpp"

#include <boost/json/parse.hpp>
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

/// What was checked when it was set; null for what somebody has damaged since.
json::value parsed(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  return error ? json::value() : value;
}

json::value member(const json::value& object, std::string_view name, json::value absent) {
  const json::object* members = object.if_object();
  const json::value* value = members == nullptr ? nullptr : members->if_contains(name);
  return value == nullptr ? absent : *value;
}

}  // namespace

json::object user_json(const broker::DefinitionsSnapshot& definitions, const User& user) {
  // As they were set: a limit of -1 is none, and is shown.
  const auto limits = definitions.parameters.find(broker::user_limits_key(user.name));
  const bool has_limits = limits != definitions.parameters.end();
  return {{"name", user.name},
          {"password_hash", user.password_hash.base64()},
          {"hashing_algorithm", algorithm_name(user.password_hash.algorithm())},
          {"tags", json::array(user.tags.begin(), user.tags.end())},
          {"limits", has_limits ? parsed(limits->second) : json::object()}};
}

broker::VhostMetadata vhost_metadata(const broker::DefinitionsSnapshot& definitions,
                                     const std::string& name) {
  const auto stored = definitions.parameters.find(broker::vhost_metadata_key(name));
  if (stored == definitions.parameters.end()) return {};
  return broker::parse_vhost_metadata(stored->second).value_or(broker::VhostMetadata{});
}

json::object vhost_definition_json(const broker::DefinitionsSnapshot& definitions,
                                   const std::string& name) {
  json::object vhost{{"name", name}};
  if (!definitions.parameters.contains(broker::vhost_metadata_key(name))) return vhost;
  const broker::VhostMetadata metadata = vhost_metadata(definitions, name);
  json::object members{{"description", metadata.description},
                       {"tags", json::array(metadata.tags.begin(), metadata.tags.end())}};
  if (!metadata.default_queue_type.empty()) {
    members["default_queue_type"] = metadata.default_queue_type;
  }
  // RabbitMQ has had them beside the name, too, and reads them there.
  for (const auto& [key, value] : members) vhost[key] = value;
  vhost["metadata"] = std::move(members);
  return vhost;
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
                                       const std::string& exchange,
                                       const broker::TopicPermissions& granted) {
    if (!is_meant(filter, user, vhost)) return;
    list.push_back(json::object{{"user", user},
                                {"vhost", vhost},
                                {"exchange", exchange},
                                {"write", granted.write},
                                {"read", granted.read}});
  });
  return list;
}

json::object parameter_json(const broker::ParameterKey& key, const std::string& text) {
  json::object object{{"value", parsed(text)}};
  if (key.vhost) {
    object["vhost"] = *key.vhost;
    object["component"] = key.component;
  }
  object["name"] = key.name;
  return object;
}

json::object policy_json(const broker::ParameterKey& key, const std::string& text) {
  const json::value policy = parsed(text);
  return {{"vhost", *key.vhost},
          {"name", key.name},
          {"pattern", member(policy, "pattern", "")},
          {"apply-to", member(policy, "apply-to", "all")},
          {"definition", member(policy, "definition", json::object())},
          {"priority", member(policy, "priority", 0)}};
}

bool is_plain_parameter(const broker::ParameterKey& key) {
  return key.vhost && key.component != "policy" &&
         key != broker::vhost_metadata_key(*key.vhost);
}

}  // namespace leveret::admin
