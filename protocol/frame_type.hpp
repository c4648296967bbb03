/// The four kinds of frames, and what each ends with.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leveret::protocol {

enum class FrameType : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };

inline constexpr std::byte frame_end{0xCE};

}  // namespace leveret::protocol
