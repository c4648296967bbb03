#include "broker/core/erlang_terms.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

namespace leveret::broker {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

namespace {

// From here on each whole number is not the only one that a double may stand for.
constexpr double exact_integers_end = 9007199254740992.0;
constexpr std::string_view escaped_bytes = "\b\t\n\v\f\r\x1b\"\\";
constexpr std::string_view escape_letters = "btnvfre\"\\";

bool is_shown(char one) {
  const auto byte = static_cast<std::uint8_t>(one);
  return (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0 ||
         escaped_bytes.find(one) != std::string_view::npos;
}

/// `<<"text">>`, or numbers where a byte is no character of Latin-1.
std::string binary(std::string_view bytes) {
  if (bytes.empty()) return "<<>>";
  const bool is_text = std::all_of(bytes.begin(), bytes.end(), is_shown);
  std::string written = is_text ? "<<\"" : "<<";
  for (const char byte : bytes) {
    const std::size_t place = escaped_bytes.find(byte);
    if (!is_text) {
      if (written.size() > 2) written += ',';
      written += std::to_string(static_cast<std::uint8_t>(byte));
    } else if (place != std::string_view::npos) {
      written += {'\\', escape_letters[place]};
    } else {
      written += byte;
    }
  }
  return written + (is_text ? "\">>" : ">>");
}

/// As io_lib_format does it: the fewest digits that say which number it is, with an exponent where
/// that is shorter.
std::string floating(double value) {
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value),
                    std::chars_format::scientific).ptr;
  const std::string_view written(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::string sign = std::signbit(value) ? "-" : "";
  const std::size_t e = written.find('e');
  if (e == std::string_view::npos) return sign + std::string(written);  // It is no number.
  if (value == 0) return sign + "0.0";
  std::string digits(written.substr(0, e));
  std::erase(digits, '.');
  const int exponent = std::stoi(std::string(written.substr(e + 1)));
  const int count = static_cast<int>(digits.size());
  const int place = exponent + 1;  // Where the point would be among the digits.
  const auto zeros = [](int how_many) {
    return std::string(static_cast<std::size_t>(how_many), '0');
  };
  const std::string exponent_text = std::to_string(exponent);
  const int exponent_cost = static_cast<int>(exponent_text.size()) + (count == 1 ? 3 : 2);
  const bool is_exact = std::fabs(value) < exact_integers_end;
  if (is_exact && place > 0 && place < count) {
    return sign + digits.insert(static_cast<std::size_t>(place), ".");
  }
  if (is_exact && place >= count && place - count + 2 <= exponent_cost) {
    return sign + digits + zeros(place - count) + ".0";
  }
  if (place == 0 || (place < 0 && 2 - place <= exponent_cost)) {
    return sign + "0." + zeros(-place) + digits;
  }
  return sign + digits.substr(0, 1) + "." + (count == 1 ? "0" : digits.substr(1)) + "e" +
         exponent_text;
}

template <class Range, class Write>
std::string list(const Range& range, Write write) {
  std::string written = "[";
  for (const auto& one : range) {
    if (written.size() > 1) written += ',';
    written += write(one);
  }
  return written + "]";
}

std::string field(const FieldTable::Field& one);
std::string typed(const FieldValue& value);

std::string untyped(const FieldValue& value) {
  switch (value.type()) {
    case FieldType::boolean: return *value.as_bool() ? "true" : "false";
    case FieldType::float32:
    case FieldType::float64: return floating(*value.as_double());
    case FieldType::decimal: {
      const protocol::Decimal decimal = *value.as_decimal();
      return "{" + std::to_string(decimal.scale) + "," + std::to_string(decimal.value) + "}";
    }
    case FieldType::long_string:
    case FieldType::byte_array: return binary(*value.as_string());
    case FieldType::array: return list(*value.as_array(), typed);
    case FieldType::table: return list(*value.as_table(), field);
    case FieldType::timestamp: return std::to_string(*value.as_timestamp());
    case FieldType::void_value: return "undefined";
    default: return std::to_string(*value.as_integer());
  }
}

std::string type_and_value(const FieldValue& value) {
  return std::string(type_name(value.type())) + "," + untyped(value);
}

std::string typed(const FieldValue& value) { return "{" + type_and_value(value) + "}"; }

std::string field(const FieldTable::Field& one) {
  return "{" + binary(one.first) + "," + type_and_value(one.second) + "}";
}

/// The numbers of an address; nothing when there is anything else.
std::optional<std::vector<unsigned>> numbers_between(std::string_view text, char separator,
                                                     int base) {
  std::vector<unsigned> numbers;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(separator));
    unsigned number = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), number, base);
    if (read.ec != std::errc() || read.ptr != word.data() + word.size()) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return numbers;
}

std::optional<std::vector<unsigned>> ipv6_numbers(std::string_view text) {
  const std::size_t gap = text.find("::");
  auto numbers = numbers_between(text.substr(0, gap), ':', 16);
  if (!numbers || gap == std::string_view::npos) return numbers;
  const auto rest = numbers_between(text.substr(gap + 2), ':', 16);
  if (!rest || numbers->size() + rest->size() > 8) return std::nullopt;
  numbers->resize(8 - rest->size());  // Zeros where the gap was.
  numbers->insert(numbers->end(), rest->begin(), rest->end());
  return numbers;
}

std::string joined(const std::vector<unsigned>& numbers) {
  std::string text;
  for (const unsigned number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

}  // namespace

FieldArray erlang_terms(const FieldTable& table) {
  FieldArray terms;
  for (const FieldTable::Field& one : table) terms.push_back(FieldValue::long_string(field(one)));
  return terms;
}

std::string erlang_address(std::string_view address) {
  const bool is_ipv6 = address.find(':') != std::string_view::npos;
  const auto numbers = is_ipv6 ? ipv6_numbers(address.substr(0, address.find('%')))
                               : numbers_between(address, '.', 10);
  if (!numbers || numbers->size() != (is_ipv6 ? 8 : 4)) return std::string(address);
  return "{" + joined(*numbers) + "}";
}

}  // namespace leveret::broker
