/// Frames as they go out.
///
///     octet   short     long      size octets   octet
///     +------+---------+---------+-------------+------+
///     | type | channel |  size   |   payload   | 0xCE |
///     +------+---------+---------+-------------+------+
///
/// Thread: pure functions.   Spec: AMQP 0-9-1 section 4.2.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/frame_type.hpp"
#include "protocol/generated/methods.hpp"
#include "protocol/limits.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::protocol {

/// What a client must say first, and what it is told when it does not.
inline constexpr std::array<std::byte, 8> protocol_header{
    std::byte{'A'}, std::byte{'M'}, std::byte{'Q'}, std::byte{'P'},
    std::byte{0},   std::byte{0},   std::byte{9},   std::byte{1}};

inline constexpr std::array<std::byte, 8> heartbeat_frame{
    std::byte{8}, std::byte{0}, std::byte{0}, std::byte{0},
    std::byte{0}, std::byte{0}, std::byte{0}, frame_end};

inline void write_frame_head(WireWriter& writer, FrameType type, std::uint16_t channel,
                             std::uint32_t payload_size) {
  writer.write_u8(static_cast<std::uint8_t>(type));
  writer.write_u16(channel);
  writer.write_u32(payload_size);
}

inline void write_frame_end(WireWriter& writer) {
  writer.write_u8(std::to_integer<std::uint8_t>(frame_end));
}

template <class Method>
std::size_t method_frame_size(const Method& method) {
  return frame_overhead_bytes + encoded_size(method);
}

/// Writes a whole method frame.
template <class Method>
void write_method_frame(WireWriter& writer, std::uint16_t channel, const Method& method) {
  write_frame_head(writer, FrameType::method, channel,
                   static_cast<std::uint32_t>(encoded_size(method)));
  encode(writer, method);
  write_frame_end(writer);
}

inline std::size_t header_frame_size(std::span<const std::byte> properties) {
  return frame_overhead_bytes + content_header_head_bytes + properties.size();
}

/// Writes a whole content header frame of class basic. `properties` are flags and values.
inline void write_header_frame(WireWriter& writer, std::uint16_t channel, std::uint64_t body_size,
                               std::span<const std::byte> properties) {
  write_frame_head(writer, FrameType::header, channel,
                   static_cast<std::uint32_t>(content_header_head_bytes + properties.size()));
  writer.write_u16(60);
  writer.write_u16(0);
  writer.write_u64(body_size);
  writer.write_bytes(properties);
  write_frame_end(writer);
}

/// Writes what comes before the payload of a body frame; write_frame_end() comes after it.
inline void write_body_frame_head(WireWriter& writer, std::uint16_t channel,
                                  std::uint32_t payload_size) {
  write_frame_head(writer, FrameType::body, channel, payload_size);
}

}  // namespace leveret::protocol
