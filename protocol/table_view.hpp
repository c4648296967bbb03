/// An encoded field table where it lies: nothing is looked at before decode().
///
/// Thread: plain value; valid as long as the bytes are.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::protocol {

class FieldTable;

struct TableView {
  std::span<const std::byte> content;  ///< Without the length before it.

  bool empty() const { return content.empty(); }
  /// Error: 502 syntax_error, hard.
  Result<FieldTable, AmqpError> decode() const;
  /// Whether decode() would succeed, without the cost of building anything. The same errors.
  Result<void, AmqpError> check() const;
  /// The first value of that name as it is encoded: its type, then what follows. Builds nothing.
  /// Nothing when there is none, or none before a place that cannot be read.
  std::optional<std::span<const std::byte>> find(std::string_view name) const;
};

}  // namespace leveret::protocol
