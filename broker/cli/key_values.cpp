#include "broker/cli/key_values.hpp"

#include <charconv>
#include <cstdint>

#include "protocol/wire_writer.hpp"

namespace leveret::cli {

using protocol::FieldTable;
using protocol::FieldValue;

namespace {

constexpr std::size_t table_length_bytes = 4;

FieldValue field_value(const std::string& text) {
  if (text == "true" || text == "false") return FieldValue::boolean(text == "true");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return FieldValue::int64(number);
  return FieldValue::long_string(text);
}

}  // namespace

Result<KeyValues, std::string> parse_key_values(std::string_view text) {
  KeyValues pairs;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = text.substr(0, comma);
    const std::size_t sign = pair.find('=');
    if (sign == 0 || sign == std::string_view::npos) {
      return tl::unexpected("'" + std::string(pair) + "' is no pair such as name=value");
    }
    pairs.emplace_back(pair.substr(0, sign), pair.substr(sign + 1));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return pairs;
}

FieldTable field_table(const KeyValues& pairs) {
  FieldTable table;
  for (const auto& [name, value] : pairs) table.set(name, field_value(value));
  return table;
}

std::vector<std::byte> encoded_content(const FieldTable& table) {
  std::vector<std::byte> bytes(table_length_bytes + table.encoded_size());
  protocol::WireWriter writer(bytes);
  table.encode(writer);
  bytes.erase(bytes.begin(), bytes.begin() + table_length_bytes);
  return bytes;
}

}  // namespace leveret::cli
