/// The properties of a message, as views into their encoding.
///
/// Thread: plain value; valid as long as the bytes are.
/// Spec:   AMQP 0-9-1 sections 1.8.3 and 4.2.6.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/table_view.hpp"

namespace leveret::protocol {

class WireWriter;

/// In the order of their flags, from bit 15 down. A property that is not set is absent.
struct BasicProperties {
  std::optional<std::string_view> content_type{};
  std::optional<std::string_view> content_encoding{};
  std::optional<TableView> headers{};
  std::optional<std::uint8_t> delivery_mode{};  ///< 2: persistent.
  std::optional<std::uint8_t> priority{};
  std::optional<std::string_view> correlation_id{};
  std::optional<std::string_view> reply_to{};
  std::optional<std::string_view> expiration{};  ///< Milliseconds, as text.
  std::optional<std::string_view> message_id{};
  std::optional<std::uint64_t> timestamp{};  ///< Seconds since 1970.
  std::optional<std::string_view> type{};
  std::optional<std::string_view> user_id{};
  std::optional<std::string_view> app_id{};
  std::optional<std::string_view> cluster_id{};

  /// Reads property flags and values; what is in the headers is not looked at.
  /// Error: 502 syntax_error for values that end early, bytes behind the last one, or a
  /// continuation of the flags.
  static Result<BasicProperties, AmqpError> decode(std::span<const std::byte> flags_and_values);
  /// The same, into this object; it is not to be used after an error.
  Result<void, AmqpError> read(std::span<const std::byte> flags_and_values);

  std::size_t encoded_size() const;
  void encode(WireWriter& writer) const;
};

}  // namespace leveret::protocol
