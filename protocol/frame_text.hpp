/// Bad frames in words: RabbitMQ's, down to how Erlang shows bytes and breaks its lines, since
/// clients show them to people who search for them.
///
/// Thread: pure functions.   Source: rabbit_reader.erl, observed with RabbitMQ 3.10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "protocol/amqp_error.hpp"

namespace leveret::protocol {

/// How much of a payload a reply text shows.
inline constexpr std::size_t shown_payload_max_bytes = 16;

/// "type 3, first 16 octets = <<"a message that m">>". Of a longer payload its first 17 bytes are
/// enough.
std::string describe_frame(std::uint8_t type, std::span<const std::byte> payload);

/// 501: the payload does not look as a frame of its type must, or there is no such type.
AmqpError unknown_frame_error(std::uint8_t type, std::span<const std::byte> payload);

/// 501: `octet` is where the end octet should be.
AmqpError frame_end_error(std::uint8_t type, std::span<const std::byte> payload, std::byte octet);

/// 501: a payload of `size` bytes is announced where `size_max` are allowed.
AmqpError frame_size_error(std::uint8_t type, std::uint32_t size, std::uint32_t size_max);

/// 501: a method's arguments are not those of the method.
AmqpError arguments_error(MethodId method, std::span<const std::byte> arguments);

/// 501: a name in a method is not text. RabbitMQ names the method on channel 0 only.
AmqpError short_string_error(MethodId method);

}  // namespace leveret::protocol
