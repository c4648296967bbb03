/// Writes JSON piece by piece, so that a report may be longer than memory.
///
/// Owner: who writes a report. Thread: its owner's.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace leveret::cli {

/// `text` in quotes. What is not UTF-8 becomes the replacement character.
std::string json_string(std::string_view text);

class JsonWriter {
 public:
  /// `out` must outlive the writer.
  explicit JsonWriter(std::FILE* out) : out_(out) {}

  /// An object or an array, as a value: in an array, behind a key, or alone.
  void begin_object() { begin('{'); }
  void begin_array() { begin('['); }
  void end_object() { end('}'); }
  void end_array() { end(']'); }
  /// The name of the object's next value.
  void key(std::string_view name);

  void value(std::string_view text) { put(json_string(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool truth) { put(truth ? "true" : "false"); }
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  void value(Number number) {
    put(std::to_string(number));
  }
  void null() { put("null"); }

  template <class Value>
  void member(std::string_view name, const Value& content) {
    key(name);
    value(content);
  }

 private:
  void begin(char bracket);
  void end(char bracket);
  void put(std::string_view text);
  void separate();

  std::FILE* out_;
  std::vector<bool> has_members_;  ///< Of each bracket that is open.
  bool after_key_ = false;
};

}  // namespace leveret::cli
