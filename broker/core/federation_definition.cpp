#include "broker/core/federation_definition.hpp"

#include <boost/json/value.hpp>

#include "broker/core/parameter_checks.hpp"
#include "broker/core/permission_pattern.hpp"

namespace leveret::broker {

namespace json = boost::json;

namespace {

constexpr std::string_view upstream_component = "federation-upstream";
constexpr std::string_view set_component = "federation-upstream-set";

ParameterProblems check_cleanup_mode(std::string_view key, const json::value& value) {
  static constexpr std::string_view modes[] = {"default", "never"};
  return check_one_of(key, value, modes);
}

ParameterProblems check_channel_use(std::string_view key, const json::value& value) {
  static constexpr std::string_view modes[] = {"multiple", "single"};
  return check_one_of(key, value, modes);
}

/// What both components may have; the first field is each one's own.
std::vector<ParameterField> fields_with(ParameterField first) {
  return {first,
          {"exchange", check_queue_name},
          {"queue", check_queue_name},
          {"consumer-tag", check_queue_name},
          {"prefetch-count", check_number},
          {"reconnect-delay", check_number},
          {"max-hops", check_number},
          {"expires", check_number},
          {"message-ttl", check_number},
          {"trust-user-id", check_boolean},
          {"ack-mode", check_ack_mode},
          {"resource-cleanup-mode", check_cleanup_mode},
          {"ha-policy", check_text},
          {"bind-nowait", check_boolean},
          {"channel-use-mode", check_channel_use}};
}

Result<void, std::string> outcome_of(const ParameterProblems& problems) {
  if (problems.empty()) return {};
  return tl::unexpected(problems_text(problems));
}

/// The fields of an element of a set, or else those of the upstream that it names.
FederationUpstream read_upstream(const std::string& name, const json::object& element,
                                 const json::object& upstream, const std::string& object_name) {
  json::object both = upstream;
  for (const auto& [key, value] : element) both.insert_or_assign(key, value);
  FederationUpstream result;
  result.name = name;
  result.uris = uris_of(both, "uri");
  result.exchange = text_of(both, "exchange", object_name);
  result.queue = text_of(both, "queue", object_name);
  result.consumer_tag = text_of(both, "consumer-tag", "federation-link-" + name);
  result.prefetch_count =
      static_cast<std::uint16_t>(number_of(both, "prefetch-count", 1000, UINT16_MAX));
  result.reconnect_delay_ms = milliseconds_of(both, "reconnect-delay", 5000);
  result.max_hops = static_cast<std::uint32_t>(number_of(both, "max-hops", 1, INT32_MAX));
  const auto duration = [&](std::string_view key) -> std::optional<std::uint32_t> {
    if (!both.contains(key)) return std::nullopt;
    return static_cast<std::uint32_t>(number_of(both, key, 0, UINT32_MAX));
  };
  result.expires_ms = duration("expires");
  result.message_ttl_ms = duration("message-ttl");
  result.trust_user_id = truth_of(both, "trust-user-id", false);
  result.ack_mode = link_ack_mode(text_of(both, "ack-mode", "on-confirm"));
  result.bind_nowait = truth_of(both, "bind-nowait", false);
  result.keeps_resources = text_of(both, "resource-cleanup-mode", "default") == "never";
  result.uses_one_channel = text_of(both, "channel-use-mode", "multiple") == "single";
  return result;
}

json::value kept_value(const std::map<ParameterKey, std::string>& parameters,
                       const std::string& vhost, std::string_view component,
                       const std::string& name) {
  const auto place = parameters.find({vhost, std::string(component), name});
  if (place == parameters.end()) return nullptr;
  auto value = parse_parameter_json(place->second);
  return value ? std::move(*value) : nullptr;
}

/// A set of single names: all upstreams, or those whose names match.
template <class Matches>
json::array set_of_matching(const std::map<ParameterKey, std::string>& parameters,
                            const std::string& vhost, Matches matches) {
  json::array set;
  for (const auto& [key, value] : parameters) {
    if (key.vhost != vhost || key.component != upstream_component || !matches(key.name)) continue;
    set.push_back(json::object{{"upstream", key.name}});
  }
  return set;
}

json::array set_of(const FederationPolicy& policy,
                   const std::map<ParameterKey, std::string>& parameters,
                   const std::string& vhost) {
  if (policy.upstream) return {json::object{{"upstream", *policy.upstream}}};
  if (policy.upstream_set) {
    if (*policy.upstream_set == "all") {
      return set_of_matching(parameters, vhost, [](const std::string&) { return true; });
    }
    json::value set = kept_value(parameters, vhost, set_component, *policy.upstream_set);
    return set.is_array() ? std::move(set.as_array()) : json::array();
  }
  if (!policy.upstream_pattern) return {};
  const auto pattern = PermissionPattern::compile(*policy.upstream_pattern);
  if (!pattern) return {};
  // As a permission, the empty pattern matches no name.
  return set_of_matching(parameters, vhost, [&](const std::string& name) {
    return pattern->text().empty() || pattern->matches(name);
  });
}

}  // namespace

Result<void, std::string> check_federation_upstream(std::string_view name, std::string_view text) {
  const auto value = parse_parameter_json(text);
  if (!value) return tl::unexpected(value.error());
  return outcome_of(check_object(name, *value, fields_with({"uri", check_uri, true})));
}

Result<void, std::string> check_federation_upstream_set(std::string_view name,
                                                        std::string_view text) {
  const auto value = parse_parameter_json(text);
  if (!value) return tl::unexpected(value.error());
  if (!value->is_array()) {
    return outcome_of({std::string(name) + " should be a list of upstreams"});
  }
  ParameterProblems problems;
  for (const json::value& element : value->as_array()) {
    const auto found = check_object(name, element, fields_with({"upstream", check_text, true}));
    problems.insert(problems.end(), found.begin(), found.end());
  }
  return outcome_of(problems);
}

std::vector<FederationUpstream> upstreams_of(
    const FederationPolicy& policy, const std::map<ParameterKey, std::string>& parameters,
    const std::string& vhost, const std::string& name) {
  std::vector<FederationUpstream> upstreams;
  for (const json::value& element : set_of(policy, parameters, vhost)) {
    if (!element.is_object()) continue;
    const std::string upstream_name = text_of(element.as_object(), "upstream", "");
    const json::value upstream =
        kept_value(parameters, vhost, upstream_component, upstream_name);
    if (!upstream.is_object()) continue;
    upstreams.push_back(
        read_upstream(upstream_name, element.as_object(), upstream.as_object(), name));
    if (upstreams.back().uris.empty()) upstreams.pop_back();
  }
  return upstreams;
}

}  // namespace leveret::broker
