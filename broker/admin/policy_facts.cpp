#include "broker/admin/policy_facts.hpp"

#include <boost/json/parse.hpp>

namespace leveret::admin {

namespace json = boost::json;

namespace {

json::object definition_of(const Call& call, const std::string& vhost, broker::PolicyKind kind,
                           const std::shared_ptr<const broker::Policy>& policy) {
  if (policy == nullptr) return {};
  const auto& parameters = call.definitions->parameters;
  const auto stored =
      parameters.find({vhost, std::string(broker::policy_component(kind)), policy->name()});
  if (stored == parameters.end()) return {};  // It has been deleted in the meantime.
  boost::system::error_code error;
  json::value parsed = json::parse(stored->second, error);
  if (error || !parsed.is_object()) return {};
  json::value* definition = parsed.get_object().if_contains("definition");
  if (definition == nullptr || !definition->is_object()) return {};
  return std::move(definition->get_object());
}

}  // namespace

json::value name_of(const std::shared_ptr<const broker::Policy>& policy) {
  if (policy == nullptr) return nullptr;
  return json::string(policy->name());
}

json::object effective_definition(const Call& call, const std::string& vhost,
                                  const broker::MatchedPolicies& matched) {
  json::object merged = definition_of(call, vhost, broker::PolicyKind::user, matched.policy);
  const json::object operators =
      definition_of(call, vhost, broker::PolicyKind::operators, matched.operator_policy);
  for (const auto& [key, value] : operators) {
    const json::value* other = merged.if_contains(key);
    const bool is_smaller = other != nullptr && other->is_number() && value.is_number() &&
                            other->to_number<double>() < value.to_number<double>();
    if (!is_smaller) merged[key] = value;
  }
  return merged;
}

}  // namespace leveret::admin
