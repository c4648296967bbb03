/// The bytes of keys and values of definitions; durable_definitions.hpp says what they mean.
///
/// Thread: plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/field_table.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

namespace definition_flags {
inline constexpr std::uint8_t auto_delete = 1;
inline constexpr std::uint8_t internal = 2;
inline constexpr std::uint8_t paused = 2;  ///< Of a queue.
inline constexpr std::uint8_t has_number = 4;  ///< Of an exchange.
}  // namespace definition_flags

/// Gathers a key, or a value.
class DefinitionEncoder {
 public:
  DefinitionEncoder& add_u8(std::uint8_t value) {
    writer_for(sizeof value).write_u8(value);
    return *this;
  }
  DefinitionEncoder& add_u32(std::uint32_t value) {
    writer_for(sizeof value).write_u32(value);
    return *this;
  }
  DefinitionEncoder& add_u64(std::uint64_t value) {
    writer_for(sizeof value).write_u64(value);
    return *this;
  }
  DefinitionEncoder& add_text(std::string_view text) {
    writer_for(sizeof(std::uint32_t) + text.size()).write_long_string(text);
    return *this;
  }
  DefinitionEncoder& add_table(const protocol::FieldTable& table) {
    protocol::WireWriter writer = writer_for(sizeof(std::uint32_t) + table.encoded_size());
    table.encode(writer);
    return *this;
  }

  std::string take() { return std::move(bytes_); }

 private:
  protocol::WireWriter writer_for(std::size_t size) {
    const std::size_t begin = bytes_.size();
    bytes_.resize(begin + size);
    return protocol::WireWriter(std::as_writable_bytes(std::span(bytes_)).subspan(begin));
  }

  std::string bytes_;
};

}  // namespace leveret::broker
