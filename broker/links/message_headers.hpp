/// The properties of a message on its way through a link: decoded, changed, written again.
///
/// Thread: plain value.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"

namespace leveret::links {

class MessageHeaders {
 public:
  /// `encoded` must outlive this object: flags and values as they were delivered. What cannot be
  /// read counts as no properties; no broker delivers it.
  explicit MessageHeaders(std::span<const std::byte> encoded);

  /// All properties but the headers, which are below. Texts must outlive the object.
  protocol::BasicProperties& properties() { return properties_; }
  protocol::FieldTable& headers() { return headers_; }

  /// Puts a table before those that an array among the headers has; rabbit_basic's
  /// prepend_table_header.
  void prepend_table(const std::string& name, protocol::FieldTable table);

  /// Flags and values.
  std::vector<std::byte> encode();

 private:
  protocol::BasicProperties properties_;
  protocol::FieldTable headers_;
  bool had_headers_ = false;
};

}  // namespace leveret::links
