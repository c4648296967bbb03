/// The one table of simple settings: from it come the parser, the defaults, the commented default
/// file and the documentation's table.
///
/// Thread: constant data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace leveret::config {

/// What a key's text is read as.
enum class KeyType : std::uint8_t {
  text,
  boolean,
  count,
  size,
  duration,
  share,    ///< A size, or a part of something in percent: bytes in the end.
  percent,  ///< A part of something that is only known later.
  choice,
  texts
};

/// A value that has been read, in the form that its type has.
struct KeyValue {
  std::string text;
  std::uint64_t number = 0;  ///< Counts, bytes, milliseconds, percents.
  bool flag = false;
  std::vector<std::string> texts;
};

struct Key {
  std::string_view path;
  KeyType type;
  std::string_view default_text;
  std::uint64_t minimum;
  std::uint64_t maximum;
  std::string_view choices;  ///< Separated by a space and a bar.
  bool reloadable;
  std::string_view rabbitmq_name;
  std::string_view sentence;
  void (*assign)(Config& config, const KeyValue& value);
};

std::span<const Key> all_keys();

/// The values that a number's key takes, as people write them: "4KiB..16MiB", "at least 16MiB".
/// Empty: any, or no number.
std::string range_of(const Key& key);

/// Keys of later versions, by path or by the path of their section. They are refused by name.
std::span<const std::string_view> keys_not_supported_yet();

/// The keys as a Markdown table.
std::string key_table();

}  // namespace leveret::config
