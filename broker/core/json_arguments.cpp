#include "broker/core/json_arguments.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <utility>

#include "protocol/utf8.hpp"

namespace leveret::broker {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

Result<FieldValue, std::string> field_of_json(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return FieldValue::void_value();
    case boost::json::kind::bool_: return FieldValue::boolean(value.get_bool());
    case boost::json::kind::int64: return FieldValue::int64(value.get_int64());
    case boost::json::kind::double_: return FieldValue::float64(value.get_double());
    case boost::json::kind::string:
      return FieldValue::long_string(std::string(value.get_string()));
    // The parser makes an unsigned number only of what is too large for a signed one.
    case boost::json::kind::uint64:
      return tl::unexpected(std::to_string(value.get_uint64()) + " is larger than 2^63 - 1");
    case boost::json::kind::array: {
      FieldArray array;
      for (const boost::json::value& one : value.get_array()) {
        auto field = field_of_json(one);
        if (!field) return field;
        array.push_back(std::move(*field));
      }
      return FieldValue::array(std::move(array));
    }
    case boost::json::kind::object: {
      auto table = table_of_json(value.get_object());
      if (!table) return tl::unexpected(std::move(table.error()));
      return FieldValue::table(std::move(*table));
    }
  }
  return FieldValue::void_value();
}

}  // namespace

Result<FieldTable, std::string> table_of_json(const boost::json::object& object) {
  FieldTable table;
  for (const auto& [name, value] : object) {
    auto field = field_of_json(value);
    if (!field) return tl::unexpected("'" + std::string(name) + "': " + field.error());
    table.append(std::string(name), std::move(*field));
  }
  return table;
}

namespace {

boost::json::value json_of_field(const FieldValue& field) {
  if (const auto flag = field.as_bool()) return *flag;
  if (const auto number = field.as_integer()) return *number;
  if (const auto number = field.as_double()) return *number;
  if (const auto seconds = field.as_timestamp()) return *seconds;
  if (const auto text = field.as_string()) {
    return boost::json::string(protocol::valid_utf8(*text));
  }
  if (const auto decimal = field.as_decimal()) return decimal->value / std::pow(10, decimal->scale);
  if (const FieldTable* table = field.as_table()) return json_of_table(*table);
  if (const FieldArray* array = field.as_array()) {
    boost::json::array values;
    for (const FieldValue& one : *array) values.push_back(json_of_field(one));
    return values;
  }
  return nullptr;
}

}  // namespace

boost::json::object json_of_table(const FieldTable& table) {
  boost::json::object object;
  for (const auto& [name, field] : table) {
    object[protocol::valid_utf8(name)] = json_of_field(field);
  }
  return object;
}

}  // namespace leveret::broker
