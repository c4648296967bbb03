/// Time as the pure libraries see it: a value that somebody hands in.
///
/// Owner:  the shell (or a test's simulated world).   Thread: any, each shard has its own.
#pragma once

#include <chrono>
#include <cstdint>

namespace leveret {

/// A point on a clock that never goes back, in milliseconds from an arbitrary start.
/// The shell reads the clock once per turn: all that happens in a turn happens at one instant.
enum class Instant : std::int64_t {};

/// A point on the calendar, in milliseconds since 1970. What outlives the process counts in it.
enum class WallTime : std::int64_t {};

/// A deadline that is never reached.
inline constexpr Instant never{INT64_MAX};

inline Instant operator+(Instant instant, std::chrono::milliseconds duration) {
  if (instant == never || duration.count() > INT64_MAX - static_cast<std::int64_t>(instant)) {
    return never;
  }
  return Instant{static_cast<std::int64_t>(instant) + duration.count()};
}

inline std::chrono::milliseconds operator-(Instant later, Instant earlier) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(later) -
                                   static_cast<std::int64_t>(earlier)};
}

}  // namespace leveret
