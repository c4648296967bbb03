/// The headers by which a publisher says when a message is to go on: `x-delay`, milliseconds from
/// now; or `x-deliver-at`, a time: milliseconds since 1970, or a timestamp, which has seconds.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   plugin rabbitmq_delayed_message_exchange; `x-deliver-at` is Leveret's own.
#pragma once

#include <cstdint>

#include "broker/core/message.hpp"
#include "broker/core/routable_message.hpp"
#include "protocol/base/clock.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// How long after its publishing a message waits; 0: not at all. `x-delay` counts when it is a
/// number above 0 (a text of digits, or one with a fraction, will do), else `x-deliver-at` when it
/// lies ahead. There is no ceiling.
std::uint64_t delay_of(const protocol::FieldTable& headers, WallTime published_at);

/// The message as it is delivered when it has waited: its `x-delay` is negative, so that nobody
/// delays it again and consumers see what has been done. The same one where it has none.
MessageRef after_delay(const MessageRef& message, const RoutableMessage& read);

}  // namespace leveret::broker
