#include "protocol/field_value.hpp"

#include <cmath>

#include "protocol/field_table.hpp"

namespace leveret::protocol {

FieldValue FieldValue::array(FieldArray value) {
  return {FieldType::array, std::make_shared<const FieldArray>(std::move(value))};
}

FieldValue FieldValue::table(FieldTable value) {
  return {FieldType::table, std::make_shared<const FieldTable>(std::move(value))};
}

std::optional<std::int64_t> FieldValue::as_integer() const {
  if (type_ == FieldType::timestamp) return std::nullopt;
  const auto* value = std::get_if<std::int64_t>(&data_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::string_view> FieldValue::as_string() const {
  const auto* value = std::get_if<std::string>(&data_);
  return value ? std::optional<std::string_view>(*value) : std::nullopt;
}

std::optional<bool> FieldValue::as_bool() const {
  const auto* value = std::get_if<bool>(&data_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> FieldValue::as_double() const {
  const auto* value = std::get_if<double>(&data_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<Decimal> FieldValue::as_decimal() const {
  const auto* value = std::get_if<Decimal>(&data_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> FieldValue::as_timestamp() const {
  if (type_ != FieldType::timestamp) return std::nullopt;
  return static_cast<std::uint64_t>(std::get<std::int64_t>(data_));
}

const FieldTable* FieldValue::as_table() const {
  const auto* value = std::get_if<std::shared_ptr<const FieldTable>>(&data_);
  return value ? value->get() : nullptr;
}

const FieldArray* FieldValue::as_array() const {
  const auto* value = std::get_if<std::shared_ptr<const FieldArray>>(&data_);
  return value ? value->get() : nullptr;
}

bool FieldValue::operator==(const FieldValue& other) const {
  if (type_ != other.type_) return false;
  if (const FieldTable* table = as_table()) return *table == *other.as_table();
  if (const FieldArray* array = as_array()) return *array == *other.as_array();
  // What is no number equals itself, or a binding with such an argument could never be removed.
  const auto number = as_double();
  if (number && std::isnan(*number)) return std::isnan(*other.as_double());
  return data_ == other.data_;
}

bool FieldValue::same_value(const FieldValue& other) const {
  const auto left = as_integer();
  const auto right = other.as_integer();
  return left && right ? *left == *right : *this == other;
}

std::string_view type_name(FieldType type) {
  switch (type) {
    case FieldType::boolean: return "bool";
    case FieldType::int8: return "byte";
    case FieldType::uint8: return "unsignedbyte";
    case FieldType::int16: return "short";
    case FieldType::uint16: return "unsignedshort";
    case FieldType::int32: return "signedint";
    case FieldType::uint32: return "unsignedint";
    case FieldType::int64: return "long";
    case FieldType::float32: return "float";
    case FieldType::float64: return "double";
    case FieldType::decimal: return "decimal";
    case FieldType::long_string: return "longstr";
    case FieldType::array: return "array";
    case FieldType::timestamp: return "timestamp";
    case FieldType::table: return "table";
    case FieldType::void_value: return "void";
    case FieldType::byte_array: return "binary";
  }
  return "unknown";
}

}  // namespace leveret::protocol
