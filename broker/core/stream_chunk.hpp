/// A run of a stream's messages that follow each other, as the stream's index knows it.
///
/// Thread: plain values.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/core/paged_chunk.hpp"
#include "broker/core/stream_reading.hpp"
#include "protocol/base/clock.hpp"

namespace leveret::broker {

inline StreamOffset operator+(StreamOffset offset, std::uint64_t count) {
  return StreamOffset{static_cast<std::uint64_t>(offset) + count};
}
inline std::uint64_t operator-(StreamOffset later, StreamOffset earlier) {
  return static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
}

/// In a stream's entries the position is the offset, and what others call the time of expiry is
/// when the message came, on the calendar: nothing in a stream expires by itself.
inline StreamOffset offset_of(const QueueEntry& entry) {
  return StreamOffset{static_cast<std::uint64_t>(entry.position)};
}
inline Position position_of(StreamOffset offset) {
  return Position{static_cast<std::uint64_t>(offset)};
}
inline WallTime time_of(const QueueEntry& entry) {
  return WallTime{static_cast<std::int64_t>(entry.expires_at)};
}
inline Instant noted_time(WallTime time) { return Instant{static_cast<std::int64_t>(time)}; }

/// A chunk that gets no more messages. Most have left memory.
struct StreamChunk {
  StreamOffset first{};
  std::uint32_t count = 0;
  bool has_gap = false;  ///< Something is lost: only the messages themselves say their offsets.
  std::uint64_t size_bytes = 0;
  WallTime last_time{};  ///< When the newest of its messages, and of all before, came.
  PagedChunk paged;      ///< Meaningful while nothing is kept.
  std::vector<QueueEntry> kept;  ///< What could not leave memory.

  StreamOffset end() const { return first + count; }
  bool is_paged() const { return kept.empty(); }
};

}  // namespace leveret::broker
