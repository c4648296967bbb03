/// The frames of a publish, encoded once. Each message is a copy in which only the stamp, and
/// perhaps the routing key, is another. Messages may take turns with several routing keys and
/// properties.
///
/// Owner: one publisher.   Thread: its load's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "broker/cli/client_connection.hpp"
#include "broker/cli/message_stamp.hpp"
#include "protocol/basic_properties.hpp"

namespace leveret::cli {

class PublishTemplate {
 public:
  PublishTemplate() = default;
  /// Requires: `body_size` is at least that of a stamp.
  PublishTemplate(const protocol::basic::Publish& method,
                  const protocol::BasicProperties& properties, std::uint64_t body_size,
                  std::uint32_t frame_max_bytes);

  /// Messages have this method and these properties in their turn, too.
  void add_variant(const protocol::basic::Publish& method,
                   const protocol::BasicProperties& properties);
  /// Appends a message to what the connection will send. Its sequence number says whose turn it is.
  void append_to(ClientConnection& connection, const MessageStamp& stamp) const;
  /// Replaces the last bytes of the first variant's routing key by the number in hexadecimal
  /// digits.
  void set_key_number(std::uint32_t number);

  /// How many digits set_key_number() writes; the routing key must have that many at its end.
  static constexpr std::size_t key_digit_count = 8;

 private:
  std::uint64_t body_size_ = 0;
  std::vector<std::vector<std::byte>> heads_;  ///< By variant: the frames before the body's.
  std::vector<std::byte> body_frames_;
  std::size_t key_end_offset_ = 0;  ///< In the first head.
};

}  // namespace leveret::cli
