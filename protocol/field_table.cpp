#include "protocol/field_table.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

#include "protocol/limits.hpp"
#include "protocol/wire_reader.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::protocol {

namespace {

using Decoded = Result<FieldValue, AmqpError>;

tl::unexpected<AmqpError> malformed(std::string what) {
  return tl::unexpected(AmqpError::syntax_error("malformed field table: " + std::move(what)));
}

Result<FieldTable, AmqpError> decode_table(std::span<const std::byte> content, int depth);
Decoded decode_value(WireReader& reader, int depth);

Decoded decode_array(std::span<const std::byte> content, int depth) {
  if (depth > field_depth_max) return malformed("nested too deeply");
  WireReader reader(content);
  FieldArray array;
  while (reader.remaining() > 0) {
    Decoded value = decode_value(reader, depth);
    if (!value) return value;
    array.push_back(std::move(*value));
  }
  return FieldValue::array(std::move(array));
}

Decoded decode_nested_table(std::span<const std::byte> content, int depth) {
  auto table = decode_table(content, depth);
  if (!table) return tl::unexpected(std::move(table.error()));
  return FieldValue::table(std::move(*table));
}

Decoded decode_simple_value(WireReader& reader, FieldType type) {
  switch (type) {
    case FieldType::boolean: return FieldValue::boolean(reader.read_u8() != 0);
    case FieldType::int8: return FieldValue::int8(static_cast<std::int8_t>(reader.read_u8()));
    case FieldType::uint8: return FieldValue::uint8(reader.read_u8());
    case FieldType::int16: return FieldValue::int16(static_cast<std::int16_t>(reader.read_u16()));
    case FieldType::uint16: return FieldValue::uint16(reader.read_u16());
    case FieldType::int32: return FieldValue::int32(static_cast<std::int32_t>(reader.read_u32()));
    case FieldType::uint32: return FieldValue::uint32(reader.read_u32());
    case FieldType::int64: return FieldValue::int64(static_cast<std::int64_t>(reader.read_u64()));
    case FieldType::float32: return FieldValue::float32(std::bit_cast<float>(reader.read_u32()));
    case FieldType::float64: return FieldValue::float64(std::bit_cast<double>(reader.read_u64()));
    case FieldType::decimal: {
      const std::uint8_t scale = reader.read_u8();
      return FieldValue::decimal({scale, reader.read_u32()});
    }
    case FieldType::long_string:
      return FieldValue::long_string(std::string(reader.read_long_string()));
    case FieldType::byte_array:
      return FieldValue::byte_array(std::string(reader.read_long_string()));
    case FieldType::timestamp: return FieldValue::timestamp(reader.read_u64());
    case FieldType::void_value: return FieldValue::void_value();
    default:
      return malformed("unknown type " + std::to_string(static_cast<unsigned char>(type)));
  }
}

FieldType read_type(WireReader& reader) {
  // Some clients write 'L', the document's letter, for what RabbitMQ writes as 'l', and RabbitMQ
  // reads it (rabbit_binary_parser.erl).
  constexpr std::uint8_t other_int64 = 'L';
  const std::uint8_t letter = reader.read_u8();
  return letter == other_int64 ? FieldType::int64 : static_cast<FieldType>(letter);
}

Decoded decode_value(WireReader& reader, int depth) {
  const FieldType type = read_type(reader);
  Decoded value = [&]() -> Decoded {
    if (type == FieldType::table) {
      return decode_nested_table(reader.read_table().content, depth + 1);
    }
    if (type == FieldType::array) return decode_array(reader.read_table().content, depth + 1);
    return decode_simple_value(reader, type);
  }();
  if (reader.failed()) return malformed("it ends within a value");
  return value;
}

Result<FieldTable, AmqpError> decode_table(std::span<const std::byte> content, int depth) {
  if (depth > field_depth_max) return malformed("nested too deeply");
  WireReader reader(content);
  FieldTable table;
  while (reader.remaining() > 0) {
    std::string name(reader.read_short_string());
    if (reader.failed()) return malformed("it ends within a name");
    Decoded value = decode_value(reader, depth);
    if (!value) return tl::unexpected(std::move(value.error()));
    table.append(std::move(name), std::move(*value));
  }
  return table;
}

Result<void, AmqpError> check_table(std::span<const std::byte> content, int depth);

/// Size of a value on the wire that has no length of its own, or nothing for other types.
std::optional<std::size_t> fixed_size(FieldType type) {
  switch (type) {
    case FieldType::void_value: return 0;
    case FieldType::boolean:
    case FieldType::int8:
    case FieldType::uint8: return 1;
    case FieldType::int16:
    case FieldType::uint16: return 2;
    case FieldType::int32:
    case FieldType::uint32:
    case FieldType::float32: return 4;
    case FieldType::decimal: return 5;
    case FieldType::int64:
    case FieldType::float64:
    case FieldType::timestamp: return 8;
    default: return std::nullopt;
  }
}

Result<void, AmqpError> check_value(WireReader& reader, int depth) {
  const FieldType type = read_type(reader);
  if (const auto size = fixed_size(type)) {
    reader.read_bytes(*size);
  } else if (type == FieldType::long_string || type == FieldType::byte_array) {
    reader.read_long_string();
  } else if (type == FieldType::table) {
    if (auto nested = check_table(reader.read_table().content, depth + 1); !nested) return nested;
  } else if (type == FieldType::array) {
    if (depth + 1 > field_depth_max) return malformed("nested too deeply");
    WireReader items(reader.read_table().content);
    while (items.remaining() > 0) {
      if (auto item = check_value(items, depth + 1); !item) return item;
    }
  } else if (!reader.failed()) {
    return malformed("unknown type " + std::to_string(static_cast<unsigned char>(type)));
  }
  if (reader.failed()) return malformed("it ends within a value");
  return {};
}

Result<void, AmqpError> check_table(std::span<const std::byte> content, int depth) {
  if (depth > field_depth_max) return malformed("nested too deeply");
  WireReader reader(content);
  while (reader.remaining() > 0) {
    reader.read_short_string();
    if (reader.failed()) return malformed("it ends within a name");
    if (auto value = check_value(reader, depth); !value) return value;
  }
  return {};
}

std::size_t value_size(const FieldValue& value) {
  switch (value.type()) {
    case FieldType::boolean:
    case FieldType::int8:
    case FieldType::uint8: return 1;
    case FieldType::int16:
    case FieldType::uint16: return 2;
    case FieldType::int32:
    case FieldType::uint32:
    case FieldType::float32: return 4;
    case FieldType::int64:
    case FieldType::float64:
    case FieldType::timestamp: return 8;
    case FieldType::decimal: return 5;
    case FieldType::long_string:
    case FieldType::byte_array: return 4 + value.as_string()->size();
    case FieldType::void_value: return 0;
    case FieldType::table: return 4 + value.as_table()->encoded_size();
    case FieldType::array: {
      std::size_t size = 4;
      for (const FieldValue& item : *value.as_array()) size += 1 + value_size(item);
      return size;
    }
  }
  return 0;
}

void write_value(WireWriter& writer, const FieldValue& value) {
  writer.write_u8(static_cast<std::uint8_t>(value.type()));
  const auto integer = static_cast<std::uint64_t>(value.as_integer().value_or(0));
  switch (value.type()) {
    case FieldType::boolean: return writer.write_u8(*value.as_bool() ? 1 : 0);
    case FieldType::int8:
    case FieldType::uint8: return writer.write_u8(static_cast<std::uint8_t>(integer));
    case FieldType::int16:
    case FieldType::uint16: return writer.write_u16(static_cast<std::uint16_t>(integer));
    case FieldType::int32:
    case FieldType::uint32: return writer.write_u32(static_cast<std::uint32_t>(integer));
    case FieldType::int64: return writer.write_u64(integer);
    case FieldType::float32:
      return writer.write_u32(std::bit_cast<std::uint32_t>(static_cast<float>(*value.as_double())));
    case FieldType::float64:
      return writer.write_u64(std::bit_cast<std::uint64_t>(*value.as_double()));
    case FieldType::timestamp: return writer.write_u64(*value.as_timestamp());
    case FieldType::decimal:
      writer.write_u8(value.as_decimal()->scale);
      return writer.write_u32(value.as_decimal()->value);
    case FieldType::long_string:
    case FieldType::byte_array: return writer.write_long_string(*value.as_string());
    case FieldType::void_value: return;
    case FieldType::table: return value.as_table()->encode(writer);
    case FieldType::array:
      writer.write_u32(static_cast<std::uint32_t>(value_size(value) - 4));
      for (const FieldValue& item : *value.as_array()) write_value(writer, item);
      return;
  }
}

}  // namespace

Result<FieldTable, AmqpError> FieldTable::decode(std::span<const std::byte> content) {
  return decode_table(content, 1);
}

Result<FieldTable, AmqpError> TableView::decode() const { return FieldTable::decode(content); }

Result<void, AmqpError> TableView::check() const { return check_table(content, 1); }

std::optional<std::span<const std::byte>> TableView::find(std::string_view name) const {
  WireReader reader(content);
  while (reader.remaining() > 0) {
    const bool found = reader.read_short_string() == name;
    const auto rest = reader.remaining_bytes();
    if (!check_value(reader, 1)) return std::nullopt;
    if (found) return rest.first(rest.size() - reader.remaining());
  }
  return std::nullopt;
}

const FieldValue* FieldTable::find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return &value;
  }
  return nullptr;
}

void FieldTable::set(std::string name, FieldValue value) {
  for (auto& [key, old] : fields_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  append(std::move(name), std::move(value));
}

bool FieldTable::erase(std::string_view name) {
  return std::erase_if(fields_, [&](const Field& field) { return field.first == name; }) > 0;
}

std::size_t FieldTable::encoded_size() const {
  std::size_t size = 0;
  for (const auto& [name, value] : fields_) size += 1 + name.size() + 1 + value_size(value);
  return size;
}

void FieldTable::encode(WireWriter& writer) const {
  writer.write_u32(static_cast<std::uint32_t>(encoded_size()));
  for (const auto& [name, value] : fields_) {
    writer.write_short_string(name);
    write_value(writer, value);
  }
}

}  // namespace leveret::protocol
