#include "broker/core/json_term.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>
#include <vector>

#include "broker/core/argument_value.hpp"

namespace leveret::broker {

namespace {

namespace json = boost::json;
using protocol::FieldValue;

std::string binary_text(std::string_view bytes) {
  return term_text(FieldValue::long_string(std::string(bytes)));
}

/// A list of nothing but characters is a text for Erlang.
std::string list_text(const json::array& array) {
  std::string bytes;
  std::string elements;
  for (const json::value& element : array) {
    const std::int64_t* number = element.if_int64();
    if (number != nullptr && *number >= 0 && *number <= 0xff) {
      bytes += static_cast<char>(*number);
    }
    if (!elements.empty()) elements += ',';
    elements += json_term_text(element);
  }
  const bool may_be_text = !array.empty() && bytes.size() == array.size();
  return may_be_text ? byte_list_text(bytes) : "[" + elements + "]";
}

std::vector<const json::key_value_pair*> by_key(const json::object& object) {
  std::vector<const json::key_value_pair*> pairs;
  for (const json::key_value_pair& pair : object) pairs.push_back(&pair);
  std::ranges::sort(pairs, {}, [](const json::key_value_pair* pair) {
    return std::string_view(pair->key());
  });
  return pairs;
}

std::string map_text(const json::object& object) {
  std::string out;
  for (const json::key_value_pair* pair : by_key(object)) {
    if (!out.empty()) out += ',';
    out += binary_text(pair->key()) + " => " + json_term_text(pair->value());
  }
  return "#{" + out + "}";
}

}  // namespace

std::string json_term_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64: return std::to_string(value.get_int64());
    case json::kind::uint64: return std::to_string(value.get_uint64());
    case json::kind::double_: return term_text(FieldValue::float64(value.get_double()));
    case json::kind::string: return binary_text(std::string_view(value.get_string()));
    case json::kind::array: return list_text(value.get_array());
    case json::kind::object: return map_text(value.get_object());
  }
  return {};
}

std::string json_pairs_text(const json::object& object) {
  std::string out;
  for (const json::key_value_pair* pair : by_key(object)) {
    if (!out.empty()) out += ',';
    out += "{" + binary_text(pair->key()) + "," + json_term_text(pair->value()) + "}";
  }
  return "[" + out + "]";
}

}  // namespace leveret::broker
