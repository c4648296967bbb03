/// One value of a field table, with the type it had on the wire.
///
/// The letters are RabbitMQ's, which the AMQP 0-9-1 document has wrong in places: 's' is a signed
/// 16-bit integer, 'l' a signed 64-bit one ('L' is read as the same), 'x' a byte array, 'b'/'B'
/// signed/unsigned bytes.
///
/// Thread: plain value.   Spec: AMQP 0-9-1 section 4.2.1 and its errata.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace leveret::protocol {

class FieldTable;
class FieldValue;
using FieldArray = std::vector<FieldValue>;

enum class FieldType : char {
  boolean = 't',
  int8 = 'b',
  uint8 = 'B',
  int16 = 's',
  uint16 = 'u',
  int32 = 'I',
  uint32 = 'i',
  int64 = 'l',
  float32 = 'f',
  float64 = 'd',
  decimal = 'D',
  long_string = 'S',
  array = 'A',
  timestamp = 'T',
  table = 'F',
  void_value = 'V',
  byte_array = 'x',
};

/// A decimal number: `value` divided by ten to the power of `scale`.
struct Decimal {
  std::uint8_t scale = 0;
  std::uint32_t value = 0;
  bool operator==(const Decimal&) const = default;
};

class FieldValue {
 public:
  /// A void value.
  FieldValue() = default;

  static FieldValue boolean(bool value) { return {FieldType::boolean, value}; }
  static FieldValue int8(std::int8_t value) { return integer(FieldType::int8, value); }
  static FieldValue uint8(std::uint8_t value) { return integer(FieldType::uint8, value); }
  static FieldValue int16(std::int16_t value) { return integer(FieldType::int16, value); }
  static FieldValue uint16(std::uint16_t value) { return integer(FieldType::uint16, value); }
  static FieldValue int32(std::int32_t value) { return integer(FieldType::int32, value); }
  static FieldValue uint32(std::uint32_t value) { return integer(FieldType::uint32, value); }
  static FieldValue int64(std::int64_t value) { return integer(FieldType::int64, value); }
  static FieldValue float32(float value) { return {FieldType::float32, double{value}}; }
  static FieldValue float64(double value) { return {FieldType::float64, value}; }
  static FieldValue decimal(Decimal value) { return {FieldType::decimal, value}; }
  static FieldValue long_string(std::string value) {
    return {FieldType::long_string, std::move(value)};
  }
  static FieldValue byte_array(std::string value) {
    return {FieldType::byte_array, std::move(value)};
  }
  /// Seconds since 1970.
  static FieldValue timestamp(std::uint64_t value) {
    return integer(FieldType::timestamp, static_cast<std::int64_t>(value));
  }
  static FieldValue array(FieldArray value);
  static FieldValue table(FieldTable value);
  static FieldValue void_value() { return {}; }

  FieldType type() const { return type_; }
  /// The value of an integer of any width.
  std::optional<std::int64_t> as_integer() const;
  /// The text of a long string, the bytes of a byte array.
  std::optional<std::string_view> as_string() const;
  std::optional<bool> as_bool() const;
  /// A floating-point number of either width.
  std::optional<double> as_double() const;
  std::optional<Decimal> as_decimal() const;
  std::optional<std::uint64_t> as_timestamp() const;
  const FieldTable* as_table() const;
  const FieldArray* as_array() const;

  /// Type and value.
  bool operator==(const FieldValue& other) const;
  /// RabbitMQ's equality: the width of an integer makes no difference.
  bool same_value(const FieldValue& other) const;

 private:
  using Data = std::variant<std::monostate, bool, std::int64_t, double, Decimal, std::string,
                            std::shared_ptr<const FieldArray>, std::shared_ptr<const FieldTable>>;

  FieldValue(FieldType type, Data data) : type_(type), data_(std::move(data)) {}
  static FieldValue integer(FieldType type, std::int64_t value) { return {type, value}; }

  FieldType type_ = FieldType::void_value;
  Data data_;  ///< Nested ones are shared: they never change.
};

/// RabbitMQ's name of a type, as its reply texts give it: longstr, signedint, long, ...
std::string_view type_name(FieldType type);

}  // namespace leveret::protocol
