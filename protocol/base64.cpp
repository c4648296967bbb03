#include "protocol/base64.hpp"

#include <cstdint>

namespace leveret::protocol {

namespace {

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : (text.ends_with('=') ? 1 : 0);
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t letter_count = at + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < letter_count; ++i) {
      const std::size_t value = base64_alphabet.find(text[at + i]);
      if (value == std::string_view::npos) return std::nullopt;
      bits |= static_cast<std::uint32_t>(value) << (18 - 6 * i);
    }
    const std::size_t byte_count = letter_count - 1;
    for (std::size_t i = 0; i < byte_count; ++i) {
      bytes += static_cast<char>((bits >> (16 - 8 * i)) & 0xFF);
    }
    const std::uint32_t unused_bits = (1u << (24 - 8 * byte_count)) - 1;
    if ((bits & unused_bits) != 0) return std::nullopt;
  }
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = (bits << 8) |
             (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : base64_alphabet[(bits >> (18 - 6 * j)) & 63];
    }
  }
  return text;
}

}  // namespace leveret::protocol
