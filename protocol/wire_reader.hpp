/// Reads AMQP's primitive types from bytes that may say anything. The first read beyond the end
/// makes the reader fail; it then gives zeros and empty views, so that a whole method can be
/// read without a check per field.
///
/// Thread: plain value.   Spec: AMQP 0-9-1 section 4.2.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/table_view.hpp"
#include "protocol/utf8.hpp"

namespace leveret::protocol {

class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint8_t read_u8() { return read_integer<std::uint8_t>(); }
  std::uint16_t read_u16() { return read_integer<std::uint16_t>(); }
  std::uint32_t read_u32() { return read_integer<std::uint32_t>(); }
  std::uint64_t read_u64() { return read_integer<std::uint64_t>(); }

  /// A view, valid as long as the bytes are.
  std::string_view read_short_string() { return text_of(read_bytes(read_u8())); }
  std::string_view read_long_string() { return text_of(read_bytes(read_u32())); }
  /// A short string that must be UTF-8: see bad_text().
  std::string_view read_text() {
    const std::string_view text = read_short_string();
    if (!is_utf8(text)) bad_text_ = true;
    return text;
  }
  TableView read_table() { return TableView{read_bytes(read_u32())}; }

  std::span<const std::byte> read_bytes(std::size_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }

  bool failed() const { return failed_; }
  /// Whether something that read_text() gave is not UTF-8.
  bool bad_text() const { return bad_text_; }
  std::size_t remaining() const { return bytes_.size(); }
  std::span<const std::byte> remaining_bytes() const { return bytes_; }

 private:
  template <class Integer>
  Integer read_integer() {
    if (bytes_.size() < sizeof(Integer)) {
      fail();
      return 0;
    }
    // Compilers make one load and one swap of this.
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      value = (value << 8) | std::to_integer<std::uint64_t>(bytes_[i]);
    }
    bytes_ = bytes_.subspan(sizeof(Integer));
    return static_cast<Integer>(value);
  }

  void fail() {
    failed_ = true;
    bytes_ = {};
  }

  std::span<const std::byte> bytes_;
  bool failed_ = false;
  bool bad_text_ = false;
};

}  // namespace leveret::protocol
