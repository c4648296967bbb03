/// Frames as a client writes and reads them: whole, owned, comparable, and readable in failures.
///
/// Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"
#include "protocol/frame_writer.hpp"

namespace leveret::broker {

/// Bytes on the wire: any number of frames, or none, or something that is no frame at all.
struct Frames {
  std::string bytes;
  bool operator==(const Frames&) const = default;
};

Frames operator+(const Frames& first, const Frames& second);

/// One line a frame: channel, method by name, arguments and payloads as text.
std::string describe(std::string_view bytes);
void PrintTo(const Frames& frames, std::ostream* out);

/// The size of the first frame; all of `bytes` when they do not begin with a whole frame.
std::size_t first_frame_size(std::string_view bytes);

/// The same frames on another channel.
Frames on_channel(std::uint16_t channel, Frames frames);

/// Channels of the builders below: 0 for connection methods, 1 for all others. on_channel() changes
/// that.
template <class Method>
Frames frame_of(const Method& method, std::uint16_t channel = 1) {
  Frames frames;
  frames.bytes.resize(protocol::method_frame_size(method));
  protocol::WireWriter writer(std::as_writable_bytes(std::span(frames.bytes)));
  protocol::write_method_frame(writer, channel, method);
  return frames;
}

/// A frame of any type with any payload.
Frames raw_frame(std::uint8_t type, std::uint16_t channel, std::string_view payload);
Frames raw_bytes(std::string_view bytes);

/// Properties of a message that own their texts.
struct Properties {
  std::optional<protocol::FieldTable> headers{};
  std::optional<std::uint8_t> delivery_mode{};
  std::optional<std::uint8_t> priority{};
  std::optional<std::string> correlation_id{};
  std::optional<std::string> reply_to{};
  std::optional<std::string> expiration{};
  std::optional<std::string> user_id{};

  /// Flags and values.
  std::string encoded() const;
};

Frames content_header(const Properties& properties, std::uint64_t body_size);
/// The body in as many frames as a frame_max of 128 KiB makes it.
Frames content_body(std::string_view body);

template <class Method>
Frames frames_of(const Method& method, const Properties& properties, std::string_view body) {
  return frame_of(method) + content_header(properties, body.size()) + content_body(body);
}

/// A table's content, owned; view() is valid as long as it lives.
class TableBytes {
 public:
  explicit TableBytes(const protocol::FieldTable& table);
  protocol::TableView view() const { return {std::as_bytes(std::span(content_))}; }

 private:
  std::string content_;
};

/// A table of one or more fields.
protocol::FieldTable table(
    std::initializer_list<std::pair<const char*, protocol::FieldValue>> fields);

}  // namespace leveret::broker
