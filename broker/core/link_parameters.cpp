#include "broker/core/link_parameters.hpp"

#include "broker/core/federation_definition.hpp"
#include "broker/core/shovel_definition.hpp"

namespace leveret::broker {

bool is_link_component(std::string_view component) {
  return component == "shovel" || component == "federation-upstream" ||
         component == "federation-upstream-set";
}

Result<void, std::string> check_link_parameter(const ParameterDefinition& parameter) {
  const ParameterKey& key = parameter.key;
  if (!is_link_component(key.component)) return {};
  if (!key.vhost) {
    return tl::unexpected("a " + key.component + " belongs to a virtual host");
  }
  if (key.component == "federation-upstream") {
    return check_federation_upstream(key.name, parameter.json);
  }
  if (key.component == "federation-upstream-set") {
    return check_federation_upstream_set(key.name, parameter.json);
  }
  const auto shovel = parse_shovel(key.name, parameter.json);
  if (!shovel) return tl::unexpected(shovel.error());
  return {};
}

}  // namespace leveret::broker
