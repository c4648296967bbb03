#include "protocol/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace leveret::protocol {

namespace {

/// Length of the character that `text` begins with, 0 when it is none. Requires: not ASCII.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second >= 0xA0;
  const bool beyond = first == 0xF4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    // Names are ASCII almost always: eight bytes at once.
    std::uint64_t eight = 0;
    while (text.size() >= sizeof eight) {
      std::memcpy(&eight, text.data(), sizeof eight);
      if ((eight & 0x8080808080808080u) != 0) break;
      text.remove_prefix(sizeof eight);
    }
    if (text.empty()) break;
    if ((static_cast<unsigned char>(text[0]) & 0x80) == 0) {
      text.remove_prefix(1);
      continue;
    }
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  constexpr std::string_view replacement_character = "\xEF\xBF\xBD";
  std::string valid;
  while (!text.empty()) {
    const bool is_ascii = (static_cast<unsigned char>(text[0]) & 0x80) == 0;
    const std::size_t size = is_ascii ? 1 : character_size(text);
    valid += size > 0 ? text.substr(0, size) : replacement_character;
    text.remove_prefix(size > 0 ? size : 1);
  }
  return valid;
}

}  // namespace leveret::protocol
