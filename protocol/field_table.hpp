/// A field table: names and typed values in the order they came in.
///
/// Thread: plain value.   Spec: AMQP 0-9-1 section 4.2.5.5.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_value.hpp"
#include "protocol/table_view.hpp"

namespace leveret::protocol {

class WireWriter;

class FieldTable {
 public:
  using Field = std::pair<std::string, FieldValue>;

  /// Reads a table's content, without the length before it. Names that come twice are kept twice.
  /// Error: 502 syntax_error, hard, for anything that is not a table, or one nested too deeply.
  static Result<FieldTable, AmqpError> decode(std::span<const std::byte> content);

  /// The first value of that name, or null.
  const FieldValue* find(std::string_view name) const;
  /// Replaces the value of that name, or adds it at the end.
  void set(std::string name, FieldValue value);
  /// Adds a field even where the name is there already.
  void append(std::string name, FieldValue value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  /// Takes all fields of that name out. False when there are none.
  bool erase(std::string_view name);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  bool operator==(const FieldTable& other) const { return fields_ == other.fields_; }

  /// Size of the content, without the length before it.
  std::size_t encoded_size() const;
  /// Writes the length (4 bytes) and the content.
  void encode(WireWriter& writer) const;

 private:
  std::vector<Field> fields_;
};

}  // namespace leveret::protocol
