/// The four kinds of frames.
#pragma once

#include <cstdint>

namespace leveret::protocol {

enum class FrameType : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };

}  // namespace leveret::protocol
