#include "protocol/frame_text.hpp"

#include <algorithm>
#include <utility>

#include "protocol/limits.hpp"

namespace leveret::protocol {

namespace {

// Where Erlang's io_lib breaks lines of numbers, and of a tuple, in a page of 80 columns.
constexpr std::size_t numbers_columns = 79;
constexpr std::size_t tuple_columns = 78;

/// Characters that Erlang takes for text, as Latin-1.
bool is_printable(unsigned char character) {
  return (character >= 32 && character < 127) || character >= 160 || character == 27 ||
         (character >= '\b' && character <= '\r');
}

void append_escaped(std::string& text, char character) {
  switch (character) {
    case '\b': text += "\\b"; return;
    case '\t': text += "\\t"; return;
    case '\n': text += "\\n"; return;
    case '\v': text += "\\v"; return;
    case '\f': text += "\\f"; return;
    case '\r': text += "\\r"; return;
    case 27: text += "\\e"; return;
    case '"': text += "\\\""; return;
    case '\\': text += "\\\\"; return;
    default: text += character;
  }
}

/// Bytes as Erlang's ~p shows a binary: as text where all of it can be shown, else as numbers,
/// in lines that begin below the first number.
void append_erlang_binary(std::string& text, std::span<const std::byte> bytes) {
  const auto is_text = [](std::byte byte) {
    return is_printable(std::to_integer<unsigned char>(byte));
  };
  text += "<<";
  if (!bytes.empty() && std::all_of(bytes.begin(), bytes.end(), is_text)) {
    text += '"';
    for (const std::byte byte : bytes) append_escaped(text, static_cast<char>(byte));
    text += "\">>";
    return;
  }
  const std::size_t indent = text.size();
  std::size_t column = indent;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string number = std::to_string(std::to_integer<int>(bytes[i]));
    if (i + 1 < bytes.size()) number += ',';
    if (column + number.size() > numbers_columns) {
      text += '\n';
      text.append(indent, ' ');
      column = indent;
    }
    column += number.size();
    text += number;
  }
  text += ">>";
}

/// Bytes as numbers in one line: "<<0,10,255>>".
std::string numbered_bytes(std::span<const std::byte> bytes) {
  std::string text = "<<";
  for (const std::byte byte : bytes) {
    if (text.size() > 2) text += ',';
    text += std::to_string(std::to_integer<int>(byte));
  }
  return text + ">>";
}

std::size_t last_column(const std::string& text) {
  const std::size_t line_end = text.rfind('\n');
  return line_end == std::string::npos ? text.size() : text.size() - line_end - 1;
}

}  // namespace

std::string describe_frame(std::uint8_t type, std::span<const std::byte> payload) {
  const bool all = payload.size() <= shown_payload_max_bytes;
  std::string text = "type " + std::to_string(type);
  text += all ? ", all octets = " : ", first 16 octets = ";
  append_erlang_binary(text, payload.first(all ? payload.size() : shown_payload_max_bytes));
  return text;
}

AmqpError unknown_frame_error(std::uint8_t type, std::span<const std::byte> payload) {
  return AmqpError::frame_error(describe_frame(type, payload) + ": unknown_frame");
}

AmqpError frame_end_error(std::uint8_t type, std::span<const std::byte> payload,
                          std::byte octet) {
  std::string text = describe_frame(type, payload) + ": ";
  const std::size_t column = last_column(text);
  const std::string name = "{invalid_frame_end_marker,";
  const std::string value = std::to_string(std::to_integer<int>(octet)) + "}";
  text += name;
  if (column + name.size() + value.size() > tuple_columns) {
    text += '\n';
    text.append(column + 1, ' ');
  }
  return AmqpError::frame_error(text + value);
}

AmqpError frame_size_error(std::uint8_t type, std::uint32_t size, std::uint32_t size_max) {
  return AmqpError::frame_error(describe_frame(type, {}) + ": {frame_too_large," +
                                std::to_string(size) + "," + std::to_string(size_max) + "}");
}

AmqpError arguments_error(MethodId method, std::span<const std::byte> arguments) {
  // A reply text has room for fewer bytes than this.
  const auto shown = arguments.first(std::min(arguments.size(), short_string_max_bytes));
  return AmqpError::frame_error("cannot decode " + numbered_bytes(shown)).raised_by(method);
}

AmqpError short_string_error(MethodId method) {
  constexpr std::uint16_t connection_class_id = 10;
  AmqpError error = AmqpError::frame_error("Malformed UTF-8 in shortstr");
  return method.class_id == connection_class_id ? error.raised_by(method) : error;
}

}  // namespace leveret::protocol
