/// What it takes to route a message that was published before, read from the message itself.
///
/// Owner:  whoever routes, for one message.   Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/core/message.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

class RoutableMessage {
 public:
  /// Views `message`, which must outlive it.
  explicit RoutableMessage(const Message& message);
  RoutableMessage(const RoutableMessage&) = delete;
  RoutableMessage& operator=(const RoutableMessage&) = delete;

  const protocol::BasicProperties& properties() const { return properties_; }
  /// Empty when the message has none.
  const protocol::FieldTable& headers() const { return headers_; }
  /// The message's key, those of CC and those of BCC.
  const std::vector<std::string_view>& routing_keys() const { return routing_keys_; }
  bool persistent() const;
  std::optional<std::uint64_t> expiration_ms() const;

 private:
  protocol::BasicProperties properties_;
  protocol::FieldTable headers_;
  std::vector<std::string_view> routing_keys_;
};

/// A message has one place in the log: to log what others may have logged, or may log, takes one of
/// one's own.
MessageRef copy_of(const Message& message);

/// The same message with other headers.
MessageRef with_headers(const Message& message, protocol::BasicProperties properties,
                        const protocol::FieldTable& headers);

}  // namespace leveret::broker
