#include "broker/core/argument_value.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "broker/core/stable_hash.hpp"

namespace leveret::broker {
namespace {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

/// What kind of Erlang term a value is for RabbitMQ.
enum class TermKind : std::uint8_t { integer, real, boolean, binary, decimal, list, nothing };

TermKind kind_of(FieldType type) {
  switch (type) {
    case FieldType::int8:
    case FieldType::uint8:
    case FieldType::int16:
    case FieldType::uint16:
    case FieldType::int32:
    case FieldType::uint32:
    case FieldType::int64:
    case FieldType::timestamp: return TermKind::integer;
    case FieldType::float32:
    case FieldType::float64: return TermKind::real;
    case FieldType::boolean: return TermKind::boolean;
    case FieldType::long_string:
    case FieldType::byte_array: return TermKind::binary;
    case FieldType::decimal: return TermKind::decimal;
    case FieldType::array:
    case FieldType::table: return TermKind::list;
    case FieldType::void_value: return TermKind::nothing;
  }
  return TermKind::nothing;
}

/// An integer that is signed or a timestamp, which uses all 64 bits without a sign.
struct WideInteger {
  bool negative = false;
  std::uint64_t bits = 0;  ///< Two's complement when negative.
  bool operator==(const WideInteger&) const = default;
};

WideInteger integer_of(const FieldValue& value) {
  if (const auto seconds = value.as_timestamp()) return {false, *seconds};
  const std::int64_t number = *value.as_integer();
  return {number < 0, static_cast<std::uint64_t>(number)};
}

/// Whether a real number is exactly that integer.
bool equal_numbers(const WideInteger& integer, double real) {
  constexpr double two_to_63 = 9223372036854775808.0;
  if (std::trunc(real) != real) return false;
  if (integer.negative) {
    return real < 0 && real >= -two_to_63 &&
           static_cast<std::int64_t>(real) == static_cast<std::int64_t>(integer.bits);
  }
  return real >= 0 && real < 2 * two_to_63 && static_cast<std::uint64_t>(real) == integer.bits;
}

bool equal_typed(const FieldValue& left, const FieldValue& right, NumberRule rule) {
  return left.type() == right.type() && equal_terms(left, right, rule);
}

bool equal_lists(const FieldValue& left, const FieldValue& right, NumberRule rule) {
  const FieldArray* left_array = left.as_array();
  const FieldArray* right_array = right.as_array();
  if (left_array != nullptr && right_array != nullptr) {
    return std::ranges::equal(*left_array, *right_array, [&](const auto& a, const auto& b) {
      return equal_typed(a, b, rule);
    });
  }
  const FieldTable* left_table = left.as_table();
  const FieldTable* right_table = right.as_table();
  if (left_table != nullptr && right_table != nullptr) {
    return std::equal(left_table->begin(), left_table->end(), right_table->begin(),
                      right_table->end(), [&](const auto& a, const auto& b) {
                        return a.first == b.first && equal_typed(a.second, b.second, rule);
                      });
  }
  // An array and a table are both lists, of different elements.
  const auto is_empty = [](const FieldArray* array, const FieldTable* table) {
    return array != nullptr ? array->empty() : table->empty();
  };
  return is_empty(left_array, left_table) && is_empty(right_array, right_table);
}

bool is_printable(unsigned char byte) {
  constexpr std::string_view controls = "\b\t\n\v\f\r\x1b";
  return (byte >= 0x20 && byte <= 0x7e) || byte >= 0xa0 ||
         controls.find(static_cast<char>(byte)) != std::string_view::npos;
}

bool is_printable(std::string_view bytes) {
  return std::ranges::all_of(
      bytes, [](char byte) { return is_printable(static_cast<unsigned char>(byte)); });
}

/// Erlang's quoted text.
std::string quoted(std::string_view text) {
  constexpr std::string_view escaped = "\b\t\n\v\f\r\x1b\"\\";
  constexpr std::string_view letters = "btnvfre\"\\";
  std::string out = "\"";
  for (const char byte : text) {
    if (const std::size_t place = escaped.find(byte); place != std::string_view::npos) {
      out += '\\';
      out += letters[place];
    } else {
      out += byte;
    }
  }
  return out += '"';
}

std::string joined_numbers(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    if (!out.empty()) out += ',';
    out += std::to_string(static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  return out;
}

std::string binary_text(std::string_view bytes) {
  if (bytes.empty()) return "<<>>";
  return "<<" + (is_printable(bytes) ? quoted(bytes) : joined_numbers(bytes)) + ">>";
}

/// Significant digits and where the decimal point stands: 0.<digits> times ten to `point`.
struct DecimalDigits {
  std::string digits;
  int point = 0;
};

DecimalDigits shortest_digits(double magnitude) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  DecimalDigits result;
  std::ranges::copy_if(text.substr(0, e), std::back_inserter(result.digits),
                       [](char c) { return c != '.'; });
  std::string_view exponent = text.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), result.point);
  ++result.point;
  return result;
}

/// The shortest text that reads back as the same number; Erlang prefers an exponent when the plain
/// form would be longer or would show digits that are not exact, and always has a digit after the
/// point.
std::string real_text(double real) {
  constexpr double whole_exact_max = 9007199254740992.0;  // 2 to 53.
  if (real == 0) return std::signbit(real) ? "-0.0" : "0.0";
  const auto [digits, point] = shortest_digits(std::abs(real));
  const auto length = static_cast<int>(digits.size());
  const std::string sign = real < 0 ? "-" : "";
  const bool exact = std::abs(real) < whole_exact_max;
  if (exact && point > 0 && point < length) {
    return sign + digits.substr(0, static_cast<std::size_t>(point)) + "." +
           digits.substr(static_cast<std::size_t>(point));
  }
  if (point == 0) return sign + "0." + digits;
  const std::string exponent = std::to_string(point - 1);
  const int exponent_cost = static_cast<int>(exponent.size()) + 1 + (length == 1 ? 2 : 1);
  if (point < 0 && 2 - point <= exponent_cost) {
    return sign + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  }
  if (exact && point > 0 && point - length + 2 <= exponent_cost) {
    return sign + digits + std::string(static_cast<std::size_t>(point - length), '0') + ".0";
  }
  return sign + digits.substr(0, 1) + "." + (length == 1 ? "0" : digits.substr(1)) + "e" + exponent;
}

std::string typed_text(const FieldValue& value) {
  return std::string(type_name(value.type())) + "," + term_text(value);
}

std::string list_text(const FieldValue& value) {
  std::string out;
  const auto add = [&out](std::string element) {
    if (!out.empty()) out += ',';
    out += "{" + std::move(element) + "}";
  };
  if (const FieldArray* array = value.as_array()) {
    for (const FieldValue& element : *array) add(typed_text(element));
  } else if (const FieldTable* table = value.as_table()) {
    for (const auto& [name, field] : *table) add(binary_text(name) + "," + typed_text(field));
  }
  return "[" + out + "]";
}

}  // namespace

bool equal_terms(const FieldValue& left, const FieldValue& right, NumberRule rule) {
  const TermKind kind = kind_of(left.type());
  const TermKind other_kind = kind_of(right.type());
  if (kind != other_kind) {
    if (rule == NumberRule::exact) return false;
    if (kind == TermKind::integer && other_kind == TermKind::real) {
      return equal_numbers(integer_of(left), *right.as_double());
    }
    return kind == TermKind::real && other_kind == TermKind::integer &&
           equal_numbers(integer_of(right), *left.as_double());
  }
  switch (kind) {
    case TermKind::integer: return integer_of(left) == integer_of(right);
    case TermKind::real: return *left.as_double() == *right.as_double();
    case TermKind::boolean: return left.as_bool() == right.as_bool();
    case TermKind::binary: return left.as_string() == right.as_string();
    case TermKind::decimal: return left.as_decimal() == right.as_decimal();
    case TermKind::list: return equal_lists(left, right, rule);
    case TermKind::nothing: return true;
  }
  return false;
}

std::uint64_t term_hash(const FieldValue& value) {
  // Integers as the real numbers that they may equal; minus zero is zero.
  const auto of_number = [](double number) {
    return mix_bits(std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number));
  };
  const TermKind kind = kind_of(value.type());
  switch (kind) {
    case TermKind::integer: {
      const WideInteger number = integer_of(value);
      return of_number(number.negative
                           ? static_cast<double>(static_cast<std::int64_t>(number.bits))
                           : static_cast<double>(number.bits));
    }
    case TermKind::real: return of_number(*value.as_double());
    case TermKind::boolean: return *value.as_bool() ? 1 : 2;
    case TermKind::binary: return std::hash<std::string_view>{}(*value.as_string());
    case TermKind::decimal: return mix_bits(value.as_decimal()->value);
    case TermKind::list:  // Rare, and equal in more ways than one.
    case TermKind::nothing: return static_cast<std::uint64_t>(kind);
  }
  return 0;
}

std::string term_text(const FieldValue& value) {
  switch (kind_of(value.type())) {
    case TermKind::integer: {
      const WideInteger number = integer_of(value);
      return number.negative ? std::to_string(static_cast<std::int64_t>(number.bits))
                             : std::to_string(number.bits);
    }
    case TermKind::real: return real_text(*value.as_double());
    case TermKind::boolean: return *value.as_bool() ? "true" : "false";
    case TermKind::binary: return binary_text(*value.as_string());
    case TermKind::decimal: {
      const protocol::Decimal decimal = *value.as_decimal();
      return "{" + std::to_string(decimal.scale) + "," + std::to_string(decimal.value) + "}";
    }
    case TermKind::list: return list_text(value);
    case TermKind::nothing: return "undefined";
  }
  return {};
}

std::string bare_term_text(const FieldValue& value) {
  if (kind_of(value.type()) == TermKind::binary) return std::string(*value.as_string());
  return term_text(value);
}

std::string byte_list_text(std::string_view bytes) {
  const bool as_text = !bytes.empty() && is_printable(bytes);
  return as_text ? quoted(bytes) : "[" + joined_numbers(bytes) + "]";
}

}  // namespace leveret::broker
