#include "broker/core/policy_mirroring.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "broker/core/json_term.hpp"

namespace leveret::broker {

namespace {

namespace json = boost::json;

std::string shown(const json::value* value) {
  return value == nullptr ? "none" : json_term_text(*value);
}

bool is_text(const json::value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

bool is_positive_integer(const json::value* value) {
  if (value == nullptr) return false;
  return value->is_uint64() || (value->is_int64() && value->get_int64() > 0);
}

std::string check_nodes(const json::value* nodes) {
  if (nodes == nullptr || !nodes->is_array()) {
    return "ha-mode=\"nodes\" takes a list, " + shown(nodes) + " given";
  }
  if (nodes->get_array().empty()) return "ha-mode=\"nodes\" list must be non-empty";
  json::array others;
  for (const json::value& node : nodes->get_array()) {
    if (!node.is_string()) others.push_back(node);
  }
  if (others.empty()) return {};
  return "ha-mode=\"nodes\" takes a list of strings, " + json_term_text(others) +
         " was not a string";
}

std::string check_mode(const json::value& mode, const json::value* params) {
  if (is_text(mode, "all")) {
    return params == nullptr ? "" : "ha-mode=\"all\" does not take parameters";
  }
  if (is_text(mode, "exactly")) {
    if (is_positive_integer(params)) return {};
    return "ha-mode=\"exactly\" takes an integer, " + shown(params) + " given";
  }
  if (is_text(mode, "nodes")) return check_nodes(params);
  return json_term_text(mode) + " is not a valid ha-mode value";
}

std::string check_choice(const json::object& definition, std::string_view key,
                         const std::array<std::string_view, 2>& choices) {
  const json::value* value = definition.if_contains(key);
  if (value == nullptr || is_text(*value, choices[0]) || is_text(*value, choices[1])) return {};
  return std::string(key) + " must be \"" + std::string(choices[0]) + "\" or \"" +
         std::string(choices[1]) + "\", got " + json_term_text(*value);
}

}  // namespace

std::string check_mirroring(const json::object& definition) {
  constexpr std::array<std::string_view, 5> details{"ha-params", "ha-sync-mode",
                                                    "ha-sync-batch-size", "ha-promote-on-shutdown",
                                                    "ha-promote-on-failure"};
  const json::value* mode = definition.if_contains("ha-mode");
  if (mode == nullptr) {
    const bool has_details = std::ranges::any_of(
        details, [&](std::string_view key) { return definition.contains(key); });
    return has_details ? "ha-mode must be specified to specify ha-params, ha-sync-mode or "
                         "ha-promote-on-shutdown"
                       : "";
  }
  std::string complaint = check_mode(*mode, definition.if_contains("ha-params"));
  if (!complaint.empty()) return complaint;
  complaint = check_choice(definition, "ha-sync-mode", {"manual", "automatic"});
  if (!complaint.empty()) return complaint;
  const json::value* batch = definition.if_contains("ha-sync-batch-size");
  if (batch != nullptr && !is_positive_integer(batch)) {
    return "ha-sync-batch-size takes an integer greater than 0, " + shown(batch) + " given";
  }
  for (const std::string_view key : {"ha-promote-on-shutdown", "ha-promote-on-failure"}) {
    complaint = check_choice(definition, key, {"always", "when-synced"});
    if (!complaint.empty()) return complaint;
  }
  return {};
}

}  // namespace leveret::broker
