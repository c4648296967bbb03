/// The address of a direct reply-to consumer: the part of `amq.rabbitmq.reply-to.<token>` that
/// tells the shard to ask and proves that the sender was told the name.
///
/// Peer: RabbitMQ writes base64(process id) "." base64(random id); whoever guesses the first
/// half must still not reach the requester.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/ids.hpp"

namespace leveret::broker {

/// The name a client consumes from, and publishes as reply_to.
inline constexpr std::string_view reply_to_queue_name = "amq.rabbitmq.reply-to";

struct ReplyToken {
  ChannelRef channel;
  std::array<std::uint8_t, 16> secret{};  ///< From the system's random source.

  auto operator<=>(const ReplyToken&) const = default;

  /// A new token for a channel. Aborts when the system has no randomness to give.
  static ReplyToken generate(ChannelRef channel);

  /// "amq.rabbitmq.reply-to." followed by the token's text.
  std::string queue_name() const;

  /// The token in a queue name, or nothing when it is not exactly of the form that queue_name()
  /// gives, or names a shard that the node does not have. Clients make names up.
  static std::optional<ReplyToken> parse(std::string_view queue_name, std::uint16_t shard_count);
};

}  // namespace leveret::broker
