#include "broker/core/link_settings.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>

namespace leveret::broker {

namespace json = boost::json;
using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

double to_double(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.as_int64());
  if (value.is_uint64()) return static_cast<double>(value.as_uint64());
  return value.as_double();
}

FieldValue field_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return FieldValue::void_value();
    case json::kind::bool_: return FieldValue::boolean(value.as_bool());
    case json::kind::int64: return FieldValue::int64(value.as_int64());
    case json::kind::uint64: return FieldValue::int64(static_cast<std::int64_t>(value.as_uint64()));
    case json::kind::double_: return FieldValue::float64(value.as_double());
    case json::kind::string: return FieldValue::long_string(std::string(value.as_string()));
    case json::kind::object: return FieldValue::table(table_of(value.as_object()));
    case json::kind::array: break;
  }
  FieldArray array;
  for (const json::value& element : value.as_array()) array.push_back(field_of(element));
  return FieldValue::array(std::move(array));
}

}  // namespace

LinkAckMode link_ack_mode(std::string_view text) {
  if (text == "no-ack") return LinkAckMode::no_ack;
  return text == "on-publish" ? LinkAckMode::on_publish : LinkAckMode::on_confirm;
}

std::optional<std::string> text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

std::string text_of(const json::object& object, std::string_view key, std::string_view other) {
  return text_of(object, key).value_or(std::string(other));
}

std::uint64_t number_of(const json::object& object, std::string_view key, std::uint64_t other,
                        std::uint64_t maximum) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return other;
  const double number = std::clamp(to_double(*value), 0.0, static_cast<double>(maximum));
  return std::min(static_cast<std::uint64_t>(number), maximum);
}

std::uint32_t milliseconds_of(const json::object& object, std::string_view key,
                              std::uint32_t other_ms) {
  constexpr double longest_s = 1'000'000;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return other_ms;
  return static_cast<std::uint32_t>(std::clamp(to_double(*value), 0.0, longest_s) * 1000);
}

bool truth_of(const json::object& object, std::string_view key, bool other) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() ? value->as_bool() : other;
}

std::vector<std::string> uris_of(const json::object& object, std::string_view key) {
  std::vector<std::string> uris;
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return uris;
  if (value->is_string()) uris.emplace_back(value->as_string());
  if (value->is_array()) {
    for (const json::value& one : value->as_array()) uris.emplace_back(one.as_string());
  }
  return uris;
}

FieldTable table_of(const json::object& object) {
  FieldTable table;
  for (const auto& [key, value] : object) table.set(std::string(key), field_of(value));
  return table;
}

}  // namespace leveret::broker
