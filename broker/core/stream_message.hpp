/// A message as a stream keeps it: with its offset among its headers.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   RabbitMQ's message header x-stream-offset.
#pragma once

#include <optional>

#include "broker/core/message.hpp"
#include "broker/core/stream_reading.hpp"

namespace leveret::broker {

/// A copy of a published message with the header. One that the publisher has set himself means
/// nothing and is taken out.
boost::intrusive_ptr<Message> with_stream_offset(const Message& message, StreamOffset offset);

/// The header's value; nothing where a stream has never been.
std::optional<StreamOffset> stream_offset_of(const Message& message);

}  // namespace leveret::broker
