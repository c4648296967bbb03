/// Writes AMQP's primitive types into memory of exactly the right size, which the caller has
/// reckoned before: writing beyond it is a bug, not an error.
///
/// Thread: plain value.   Spec: AMQP 0-9-1 section 4.2.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/base/assert.hpp"
#include "protocol/bytes.hpp"
#include "protocol/limits.hpp"

namespace leveret::protocol {

class WireWriter {
 public:
  explicit WireWriter(std::span<std::byte> memory)
      : begin_(memory.data()), next_(memory.data()), end_(memory.data() + memory.size()) {}

  void write_u8(std::uint8_t value) { write_integer(value); }
  void write_u16(std::uint16_t value) { write_integer(value); }
  void write_u32(std::uint32_t value) { write_integer(value); }
  void write_u64(std::uint64_t value) { write_integer(value); }

  /// Requires: at most 255 bytes.
  void write_short_string(std::string_view text) {
    LEVERET_ASSERT(text.size() <= short_string_max_bytes, "a short string has at most 255 bytes");
    write_u8(static_cast<std::uint8_t>(text.size()));
    write_bytes(bytes_of(text));
  }
  void write_long_string(std::string_view text) {
    write_u32(static_cast<std::uint32_t>(text.size()));
    write_bytes(bytes_of(text));
  }
  void write_bytes(std::span<const std::byte> bytes) {
    std::byte* place = take(bytes.size());
    if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  }

  /// Bytes written so far.
  std::size_t position() const { return static_cast<std::size_t>(next_ - begin_); }

 private:
  std::byte* take(std::size_t size) {
    LEVERET_ASSERT(size <= static_cast<std::size_t>(end_ - next_),
                   "what is written fits the size reckoned for it");
    std::byte* place = next_;
    next_ += size;
    return place;
  }

  template <class Integer>
  void write_integer(Integer value) {
    std::byte* place = take(sizeof(Integer));
    for (std::size_t i = sizeof(Integer); i-- > 0;) {
      place[i] = static_cast<std::byte>(value & 0xFF);
      value = static_cast<Integer>(std::uint64_t{value} >> 8);
    }
  }

  std::byte* begin_;
  std::byte* next_;
  std::byte* end_;
};

}  // namespace leveret::protocol
