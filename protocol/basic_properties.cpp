#include "protocol/basic_properties.hpp"

#include <utility>

#include "protocol/wire_reader.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::protocol {

namespace {

/// Calls visit(flag, member) for each property in wire order.
template <class Properties, class Visit>
void for_each_property(Properties& properties, Visit&& visit) {
  visit(1u << 15, properties.content_type);
  visit(1u << 14, properties.content_encoding);
  visit(1u << 13, properties.headers);
  visit(1u << 12, properties.delivery_mode);
  visit(1u << 11, properties.priority);
  visit(1u << 10, properties.correlation_id);
  visit(1u << 9, properties.reply_to);
  visit(1u << 8, properties.expiration);
  visit(1u << 7, properties.message_id);
  visit(1u << 6, properties.timestamp);
  visit(1u << 5, properties.type);
  visit(1u << 4, properties.user_id);
  visit(1u << 3, properties.app_id);
  visit(1u << 2, properties.cluster_id);
}

void take(WireReader& from, std::optional<std::string_view>& value) {
  value = from.read_short_string();
}
void take(WireReader& from, std::optional<TableView>& value) { value = from.read_table(); }
void take(WireReader& from, std::optional<std::uint8_t>& value) { value = from.read_u8(); }
void take(WireReader& from, std::optional<std::uint64_t>& value) { value = from.read_u64(); }

std::size_t size_of(std::string_view value) { return 1 + value.size(); }
std::size_t size_of(const TableView& value) { return 4 + value.content.size(); }
std::size_t size_of(std::uint8_t) { return 1; }
std::size_t size_of(std::uint64_t) { return 8; }

void write(WireWriter& writer, std::string_view value) { writer.write_short_string(value); }
void write(WireWriter& writer, const TableView& value) {
  writer.write_long_string(text_of(value.content));
}
void write(WireWriter& writer, std::uint8_t value) { writer.write_u8(value); }
void write(WireWriter& writer, std::uint64_t value) { writer.write_u64(value); }

}  // namespace

Result<BasicProperties, AmqpError> BasicProperties::decode(
    std::span<const std::byte> flags_and_values) {
  BasicProperties properties;
  if (auto done = properties.read(flags_and_values); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  return properties;
}

Result<void, AmqpError> BasicProperties::read(std::span<const std::byte> flags_and_values) {
  // Bit 0 would say that more flags follow, but class basic has no property that needs them. Bit 1
  // means nothing, and RabbitMQ lets it pass.
  constexpr unsigned more_flags_follow = 1u << 0;
  WireReader reader(flags_and_values);
  const unsigned flags = reader.read_u16();
  for_each_property(*this, [&](unsigned flag, auto& value) {
    if ((flags & flag) != 0) {
      take(reader, value);
    } else {
      value.reset();
    }
  });
  if (reader.failed() || reader.remaining() != 0 || (flags & more_flags_follow) != 0) {
    return tl::unexpected(AmqpError::syntax_error("malformed message properties"));
  }
  return {};
}

std::size_t BasicProperties::encoded_size() const {
  std::size_t size = 2;
  for_each_property(*this, [&](unsigned, const auto& value) {
    if (value) size += size_of(*value);
  });
  return size;
}

void BasicProperties::encode(WireWriter& writer) const {
  unsigned flags = 0;
  for_each_property(*this, [&](unsigned flag, const auto& value) {
    if (value) flags |= flag;
  });
  writer.write_u16(static_cast<std::uint16_t>(flags));
  for_each_property(*this, [&](unsigned, const auto& value) {
    if (value) write(writer, *value);
  });
}

}  // namespace leveret::protocol
