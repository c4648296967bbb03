#include "tests/session/frames.hpp"

#include <array>
#include <cstdio>

#include "protocol/bytes.hpp"
#include "protocol/wire_reader.hpp"

namespace leveret::broker {

using protocol::WireWriter;

namespace {

constexpr std::size_t frame_max_bytes = 131072;

std::span<std::byte> writable(std::string& text) { return std::as_writable_bytes(std::span(text)); }

std::string quoted(std::string_view bytes) {
  constexpr std::size_t shown_max = 120;
  std::string text = "\"";
  for (const char character : bytes.substr(0, shown_max)) {
    if (character >= ' ' && character <= '~' && character != '\\') {
      text += character;
    } else {
      std::array<char, 5> hex;
      std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned char>(character));
      text += hex.data();
    }
  }
  text += '"';
  if (bytes.size() > shown_max) text += "... (" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

std::string describe_frame(std::string_view frame) {
  protocol::WireReader reader(protocol::bytes_of(frame));
  const std::uint8_t type = reader.read_u8();
  std::string text = std::to_string(reader.read_u16());
  const std::string_view payload = frame.substr(7, frame.size() - 8);
  if (type == 1 && payload.size() >= 4) {
    protocol::WireReader ids(protocol::bytes_of(payload));
    const std::uint16_t class_id = ids.read_u16();
    const std::string_view name = protocol::method_name({class_id, ids.read_u16()});
    return text.append(": ").append(name.empty() ? "unknown method" : name).append(" ") +
           quoted(payload.substr(4));
  }
  return text + ": frame of type " + std::to_string(type) + " " + quoted(payload);
}

}  // namespace

Frames operator+(const Frames& first, const Frames& second) {
  return {first.bytes + second.bytes};
}

std::size_t first_frame_size(std::string_view bytes) {
  if (bytes.size() < protocol::frame_overhead_bytes) return bytes.size();
  protocol::WireReader reader(protocol::bytes_of(bytes));
  reader.read_u8();
  reader.read_u16();
  const std::uint64_t size = std::uint64_t{reader.read_u32()} + protocol::frame_overhead_bytes;
  return size <= bytes.size() ? static_cast<std::size_t>(size) : bytes.size();
}

std::string describe(std::string_view bytes) {
  constexpr int shown_frames_max = 40;
  std::string text;
  for (int shown = 0; !bytes.empty(); ++shown) {
    if (shown == shown_frames_max) {
      return text + "\n    and " + std::to_string(bytes.size()) + " bytes more";
    }
    const std::size_t size = first_frame_size(bytes);
    const std::string_view frame = bytes.substr(0, size);
    const bool whole = size >= protocol::frame_overhead_bytes && frame.back() == '\xCE';
    text += "\n    " + (whole ? describe_frame(frame) : "bytes " + quoted(frame));
    bytes.remove_prefix(size);
  }
  return text.empty() ? "\n    nothing" : text;
}

void PrintTo(const Frames& frames, std::ostream* out) { *out << describe(frames.bytes); }

Frames on_channel(std::uint16_t channel, Frames frames) {
  for (std::size_t at = 0; at < frames.bytes.size();) {
    frames.bytes[at + 1] = static_cast<char>(channel >> 8);
    frames.bytes[at + 2] = static_cast<char>(channel & 0xFF);
    at += first_frame_size(std::string_view(frames.bytes).substr(at));
  }
  return frames;
}

Frames raw_frame(std::uint8_t type, std::uint16_t channel, std::string_view payload) {
  Frames frames;
  frames.bytes.resize(protocol::frame_overhead_bytes + payload.size());
  WireWriter writer(writable(frames.bytes));
  writer.write_u8(type);
  writer.write_u16(channel);
  writer.write_long_string(payload);
  protocol::write_frame_end(writer);
  return frames;
}

Frames raw_bytes(std::string_view bytes) { return {std::string(bytes)}; }

std::string Properties::encoded() const {
  protocol::BasicProperties properties;
  const TableBytes header_bytes(headers.value_or(protocol::FieldTable{}));
  if (headers) properties.headers = header_bytes.view();
  properties.delivery_mode = delivery_mode;
  properties.priority = priority;
  properties.correlation_id = correlation_id;
  properties.reply_to = reply_to;
  properties.expiration = expiration;
  properties.user_id = user_id;
  std::string bytes(properties.encoded_size(), '\0');
  WireWriter writer(writable(bytes));
  properties.encode(writer);
  return bytes;
}

Frames content_header(const Properties& properties, std::uint64_t body_size) {
  const std::string encoded = properties.encoded();
  const auto view = protocol::bytes_of(encoded);
  Frames frames;
  frames.bytes.resize(protocol::header_frame_size(view));
  WireWriter writer(writable(frames.bytes));
  protocol::write_header_frame(writer, 1, body_size, view);
  return frames;
}

Frames content_body(std::string_view body) {
  constexpr std::size_t payload_max = frame_max_bytes - protocol::frame_overhead_bytes;
  Frames frames;
  while (!body.empty()) {
    const std::string_view payload = body.substr(0, payload_max);
    frames.bytes += raw_frame(3, 1, payload).bytes;
    body.remove_prefix(payload.size());
  }
  return frames;
}

TableBytes::TableBytes(const protocol::FieldTable& table) {
  std::string with_length(4 + table.encoded_size(), '\0');
  WireWriter writer(writable(with_length));
  table.encode(writer);
  content_ = with_length.substr(4);
}

protocol::FieldTable table(
    std::initializer_list<std::pair<const char*, protocol::FieldValue>> fields) {
  protocol::FieldTable result;
  for (const auto& [name, value] : fields) result.append(name, value);
  return result;
}

}  // namespace leveret::broker
