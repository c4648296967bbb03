/// Bindings as applications have them, and messages that go by them.
///
/// Thread: plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/field_table.hpp"

namespace leveret::cli {

/// One of many bindings of a queue, and what a message has that matches this one and none of the
/// others.
struct LoadBinding {
  std::string pattern;             ///< The binding's key.
  protocol::FieldTable arguments;  ///< The binding's.
  std::string routing_key;         ///< The message's.
  protocol::FieldTable headers;    ///< The message's.

  /// The binding of that number to an exchange of this type.
  ///
  /// Of topic patterns, of five words that begin with `key`, three of seven are literal, the others
  /// have stars, or a hash at the end or in the middle. To a headers exchange three of four
  /// bindings ask for all of two headers, one for any of two.
  static LoadBinding numbered(std::string_view exchange_type, const std::string& key,
                              std::uint32_t number);
};

}  // namespace leveret::cli
