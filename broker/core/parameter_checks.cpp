#include "broker/core/parameter_checks.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>

#include "broker/core/amqp_uri.hpp"
#include "broker/core/json_term.hpp"
#include "protocol/limits.hpp"

namespace leveret::broker {

namespace json = boost::json;

namespace {

ParameterProblems wrong(std::string_view key, std::string_view wanted, const json::value& value) {
  return {std::string(key) + " should be " + std::string(wanted) + ", actually was " +
          json_term_text(value)};
}

ParameterProblems check_one_uri(const json::value& value) {
  const auto& text = value.as_string();
  const auto uri = AmqpUri::parse(text);
  if (uri) return {};
  return {"\"" + std::string(text) + "\" not a valid URI: " + uri.error()};
}

}  // namespace

ParameterProblems check_number(std::string_view key, const json::value& value) {
  return value.is_number() ? ParameterProblems{} : wrong(key, "a number", value);
}

ParameterProblems check_integer(std::string_view key, const json::value& value) {
  return value.is_int64() || value.is_uint64() ? ParameterProblems{}
                                               : wrong(key, "a number", value);
}

ParameterProblems check_text(std::string_view key, const json::value& value) {
  return value.is_string() ? ParameterProblems{} : wrong(key, "binary", value);
}

ParameterProblems check_boolean(std::string_view key, const json::value& value) {
  return value.is_bool() ? ParameterProblems{} : wrong(key, "boolean", value);
}

ParameterProblems check_queue_name(std::string_view key, const json::value& value) {
  if (!value.is_string()) return wrong(key, "binary", value);
  const std::size_t size = value.as_string().size();
  if (size <= protocol::short_string_max_bytes) return {};
  return {std::string(key) + " should be less than 255 bytes, actually was " +
          std::to_string(size)};
}

ParameterProblems check_uri(std::string_view key, const json::value& value) {
  if (value.is_string()) return check_one_uri(value);
  if (!value.is_array()) return wrong(key, "list", value);
  // RabbitMQ takes an empty list and fails when it chooses from it.
  if (value.as_array().empty()) return {std::string(key) + " should have a URI, actually was []"};
  for (const json::value& one : value.as_array()) {
    ParameterProblems problems = one.is_string() ? check_one_uri(one) : wrong(key, "binary", one);
    if (!problems.empty()) return problems;
  }
  return {};
}

ParameterProblems check_ack_mode(std::string_view key, const json::value& value) {
  static constexpr std::string_view modes[] = {"no-ack", "on-publish", "on-confirm"};
  return check_one_of(key, value, modes);
}

ParameterProblems check_one_of(std::string_view key, const json::value& value,
                               std::span<const std::string_view> choices) {
  if (!value.is_string()) return wrong(key, "binary", value);
  const std::string_view text = value.as_string();
  if (std::ranges::find(choices, text) != choices.end()) return {};
  json::array listed;
  for (const std::string_view choice : choices) listed.emplace_back(choice);
  return wrong(key, "one of " + json_term_text(listed), value);
}

ParameterProblems check_object(std::string_view name, const json::value& value,
                               std::span<const ParameterField> fields) {
  const bool is_empty_list = value.is_array() && value.as_array().empty();
  if (!value.is_object() && !is_empty_list) {
    return {std::string(name) + " not a list " + json_term_text(value)};
  }
  std::map<std::string_view, const json::value*> unknown;
  if (value.is_object()) {
    for (const auto& [key, field] : value.as_object()) unknown.emplace(key, &field);
  }
  std::vector<ParameterProblems> found;
  for (const ParameterField& field : fields) {
    const auto place = unknown.find(field.key);
    if (place != unknown.end()) {
      found.push_back(field.check(field.key, *place->second));
      unknown.erase(place);
    } else if (field.mandatory) {
      found.push_back(
          {"Key \"" + std::string(field.key) + "\" not found in " + std::string(name)});
    }
  }
  if (!unknown.empty()) {
    std::string terms;
    for (const auto& [key, field] : unknown) {
      terms += (terms.empty() ? "{" : ",{") + json_term_text(json::string(key)) + "," +
               json_term_text(*field) + "}";
    }
    found.push_back({"Unrecognised terms [" + terms + "] in " + std::string(name)});
  }
  ParameterProblems problems;
  for (auto one = found.rbegin(); one != found.rend(); ++one) {
    problems.insert(problems.end(), one->begin(), one->end());
  }
  return problems;
}

std::string problems_text(const ParameterProblems& problems) {
  std::string text = "Validation failed\n\n";
  for (const std::string& problem : problems) text += problem + "\n";
  return text;
}

Result<json::value, std::string> parse_parameter_json(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) return tl::unexpected("JSON decoding error. Reason: " + error.message());
  return value;
}

}  // namespace leveret::broker
