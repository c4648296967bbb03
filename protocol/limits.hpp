/// Bounds that the protocol library keeps whatever is configured.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leveret::protocol {

/// The smallest frame_max that may be negotiated, and the limit before it is: AMQP 0-9-1, 4.2.3
/// (frame-min-size). RabbitMQ 4.1 asks for 8192, which old clients cannot give.
inline constexpr std::uint32_t frame_min_size_bytes = 4096;
/// Type, channel and size before the payload.
inline constexpr std::size_t frame_head_bytes = 7;
/// Head and end octet.
inline constexpr std::size_t frame_overhead_bytes = 8;
/// Class and method number before a method's arguments.
inline constexpr std::size_t method_id_bytes = 4;
/// Class, weight and body size of a content header, before the properties.
inline constexpr std::size_t content_header_head_bytes = 12;
/// How deep tables and arrays may lie in each other.
inline constexpr int field_depth_max = 32;
/// Longest short string.
inline constexpr std::size_t short_string_max_bytes = 255;

}  // namespace leveret::protocol
