#include "broker/cli/readable.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "protocol/utf8.hpp"

namespace leveret::cli {

namespace {


/// The size of the character that `text` begins with; 0 when it is none.
std::size_t character_size(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(4, text.size()); ++size) {
    if (protocol::is_utf8(text.substr(0, size))) return size;
  }
  return 0;
}

/// Characters, as a column counts them.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

std::string readable_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string readable_count(std::uint64_t count, std::string_view noun) {
  return readable_count(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string readable_size(std::uint64_t size_bytes) {
  constexpr std::array<const char*, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (size_bytes < 1024) return std::to_string(size_bytes) + " B";
  double size = static_cast<double>(size_bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", size, units[unit]);
  return text.data();
}

std::string readable_time(std::uint64_t since_1970_ms) {
  const auto seconds = static_cast<std::time_t>(since_1970_ms / 1000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::to_string(since_1970_ms) + " ms";
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03u UTC",
                static_cast<unsigned>(since_1970_ms % 1000));
  return std::string(text.data()) + fraction.data();
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[std::to_integer<std::size_t>(byte >> 4)];
    text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    const auto code = static_cast<unsigned char>(text[0]);
    // The C1 controls, U+0080 to U+009F, are two bytes that begin with C2.
    const bool is_control = size == 1 ? code < 0x20 || code == 0x7F
                                      : code == 0xC2 && (text[1] & 0xE0) == 0x80;
    if (size > 0 && !is_control && code != '\\') {
      shown += text.substr(0, size);
      text.remove_prefix(size);
      continue;
    }
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), code == '\\' ? "\\\\" : "\\x%02x", code);
    shown += escape.data();
    text.remove_prefix(1);
  }
  return shown;
}

TextTable::TextTable(std::vector<std::string> heads) {
  for (std::string& head : heads) {
    is_number_.push_back(head.starts_with('>'));
    if (is_number_.back()) head.erase(0, 1);
  }
  rows_.push_back(std::move(heads));
}

void TextTable::add(std::vector<std::string> cells) {
  cells.resize(is_number_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(is_number_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += "  " + (is_number_[i] ? padding + row[i] : row[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace leveret::cli
