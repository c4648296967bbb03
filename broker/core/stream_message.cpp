#include "broker/core/stream_message.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

using protocol::BasicProperties;
using protocol::FieldType;

namespace {

constexpr std::string_view offset_header = "x-stream-offset";
constexpr std::size_t offset_field_bytes = 1 + offset_header.size() + 1 + 8;

/// The headers' content, with the offset behind the others.
void write_headers(const BasicProperties& properties, StreamOffset offset,
                   std::vector<std::byte>& headers) {
  std::span<const std::byte> before;
  std::vector<std::byte> cleaned;
  if (properties.headers) {
    before = properties.headers->content;
    if (properties.headers->find(offset_header)) {
      // Those of a published message have been checked.
      auto table = properties.headers->decode();
      if (table) {
        table->erase(offset_header);
        cleaned.resize(4 + table->encoded_size());
        protocol::WireWriter writer(cleaned);
        table->encode(writer);
        before = std::span<const std::byte>(cleaned).subspan(4);
      }
    }
  }
  headers.resize(before.size() + offset_field_bytes);
  protocol::WireWriter writer(headers);
  writer.write_bytes(before);
  writer.write_short_string(offset_header);
  writer.write_u8(static_cast<std::uint8_t>(FieldType::int64));
  writer.write_u64(static_cast<std::uint64_t>(offset));
}

}  // namespace

boost::intrusive_ptr<Message> with_stream_offset(const Message& message, StreamOffset offset) {
  // Kept by the thread, so that only the message itself is allocated.
  thread_local std::vector<std::byte> headers, encoded;
  BasicProperties properties;
  [[maybe_unused]] const auto read = properties.read(message.properties());
  LEVERET_ASSERT(read.has_value(), "the properties of a published message have been checked");
  write_headers(properties, offset, headers);
  properties.headers = protocol::TableView{headers};
  encoded.resize(properties.encoded_size());
  protocol::WireWriter writer(encoded);
  properties.encode(writer);
  auto made = Message::create(message.exchange(), message.routing_key(), encoded,
                              message.body_size(), message.blind_keys());
  made->append_body(message.body());
  return made;
}

std::optional<StreamOffset> stream_offset_of(const Message& message) {
  const auto properties = BasicProperties::decode(message.properties());
  if (!properties || !properties->headers) return std::nullopt;
  const auto value = properties->headers->find(offset_header);
  if (!value || value->size() != 9 || static_cast<char>((*value)[0]) != char(FieldType::int64)) {
    return std::nullopt;
  }
  std::uint64_t offset = 0;
  for (const std::byte byte : value->subspan(1)) {
    offset = offset << 8 | std::to_integer<std::uint64_t>(byte);
  }
  return StreamOffset{offset};
}

}  // namespace leveret::broker
