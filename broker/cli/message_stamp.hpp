/// What `leveret perf` writes at the beginning of each body: who published it, as which of its
/// messages, and when. 16 bytes, in this machine's byte order: both ends are one process.
///
/// Thread: plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace leveret::cli {

struct MessageStamp {
  std::uint16_t producer = 0;
  std::uint16_t run = 0;       ///< Tells messages of an earlier run from those of this one.
  std::uint32_t sequence = 0;  ///< From 0; a run of 4 billion messages is longer than any.
  std::uint64_t time_ns = 0;

  void write(std::byte* place) const { std::memcpy(place, this, sizeof(*this)); }
  /// Requires: at least 16 bytes.
  static MessageStamp read(std::span<const std::byte> body) {
    MessageStamp stamp;
    std::memcpy(&stamp, body.data(), sizeof(stamp));
    return stamp;
  }
};
static_assert(sizeof(MessageStamp) == 16);

}  // namespace leveret::cli
