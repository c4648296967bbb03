#include "broker/admin/properties_key.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "broker/admin/message_json.hpp"
#include "protocol/base64.hpp"

namespace leveret::admin {

namespace {

/// As forms are encoded: a space is a plus sign.
std::string form_encode(std::string_view text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == ' ') {
      encoded += '+';
    } else if (plain.find(character) != std::string_view::npos) {
      encoded += character;
    } else {
      encoded += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return encoded;
}

/// FNV-1a of the arguments in the order of their names, as base64 for URLs without padding.
std::string hash_of(const protocol::FieldTable& arguments) {
  std::vector<protocol::FieldTable::Field> fields(arguments.begin(), arguments.end());
  std::ranges::stable_sort(fields, {}, &protocol::FieldTable::Field::first);
  protocol::FieldTable sorted;
  for (auto& [name, value] : fields) sorted.append(std::move(name), std::move(value));
  std::uint32_t hash = 2166136261u;
  for (const std::byte byte : encode_table(sorted)) {
    hash = (hash ^ std::to_integer<std::uint32_t>(byte)) * 16777619u;
  }
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((hash >> shift) & 255);
  std::string text = protocol::encode_base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  while (text.ends_with('=')) text.pop_back();
  return text;
}

}  // namespace

std::string properties_key(const broker::BindingDefinition& binding) {
  const bool is_plain = binding.arguments.empty();
  if (is_plain && binding.routing_key.empty()) return "~";
  const std::string key = form_encode(binding.routing_key);
  return is_plain ? key : key + "~" + hash_of(binding.arguments);
}

}  // namespace leveret::admin
