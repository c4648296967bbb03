#include "broker/cli/json_writer.hpp"

#include <array>

#include "protocol/utf8.hpp"

namespace leveret::cli {

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : protocol::valid_utf8(text)) {
    const auto code = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      quoted += '\\';
      quoted += character;
    } else if (code < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", code);
      quoted += escape.data();
    } else {
      quoted += character;
    }
  }
  return quoted + '"';
}

void JsonWriter::key(std::string_view name) {
  separate();
  std::fprintf(out_, "%s: ", json_string(name).c_str());
  after_key_ = true;
}

void JsonWriter::begin(char bracket) {
  if (!after_key_) separate();
  after_key_ = false;
  std::fputc(bracket, out_);
  has_members_.push_back(false);
}

void JsonWriter::end(char bracket) {
  has_members_.pop_back();
  std::fputc(bracket, out_);
  if (has_members_.empty()) std::fputc('\n', out_);
}

void JsonWriter::put(std::string_view text) {
  if (!after_key_) separate();
  after_key_ = false;
  std::fwrite(text.data(), 1, text.size(), out_);
}

/// From the member before, in the innermost bracket.
void JsonWriter::separate() {
  if (has_members_.empty()) return;
  if (has_members_.back()) std::fputs(", ", out_);
  has_members_.back() = true;
}

}  // namespace leveret::cli
