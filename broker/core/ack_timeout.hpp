/// How long a delivered message may stay unacknowledged, and what happens then.
///
/// Thread: values, any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace leveret::broker {

enum class AckTimeoutAction : std::uint8_t {
  close_channel,  ///< As RabbitMQ: 406, and all that the channel holds goes back.
  requeue,        ///< Only that message goes back to its queue.
};

struct AckTimeout {
  std::uint64_t duration_ms = 0;  ///< 0: there is no limit.
  AckTimeoutAction action = AckTimeoutAction::close_channel;
  bool operator==(const AckTimeout&) const = default;
};

/// `close-channel` or `requeue`; nothing: it is neither.
inline std::optional<AckTimeoutAction> find_ack_timeout_action(std::string_view name) {
  if (name == "close-channel") return AckTimeoutAction::close_channel;
  if (name == "requeue") return AckTimeoutAction::requeue;
  return std::nullopt;
}

/// The smaller of two limits, of which 0 is none.
inline std::uint64_t shorter_timeout_ms(std::uint64_t one, std::uint64_t other) {
  return one == 0 || other == 0 ? std::max(one, other) : std::min(one, other);
}

}  // namespace leveret::broker
