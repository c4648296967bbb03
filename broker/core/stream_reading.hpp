/// What the arguments of basic.consume say about the reading of a stream: where it begins, and
/// what is left out.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   RabbitMQ's arguments of basic.consume for streams: x-stream-offset and the filter's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/amqp_error.hpp"
#include "protocol/base/clock.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// A message's number in its stream. The first message that a stream ever had is 0.
enum class StreamOffset : std::uint64_t {};

/// Where reading begins.
struct StreamStart {
  struct First {};
  struct Last {};  ///< With the messages that came last, together.
  struct Next {};
  /// With the first message that came then or later.
  struct Time { WallTime time; };
  /// With the first message that came so long ago or later.
  struct Interval { std::uint64_t duration_ms; };

  std::variant<Next, First, Last, StreamOffset, Time, Interval> from;
};

/// Arguments of basic.consume that only streams have.
inline constexpr std::array<std::string_view, 3> arguments_of_stream_readers{
    "x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"};

struct StreamReading {
  StreamStart start;
  /// Only messages with one of these values are delivered. Empty: all are.
  std::vector<std::string> filters;
  bool match_unfiltered = false;  ///< Messages without any value are delivered, too.

  /// Whether a message with these encoded properties is delivered.
  bool wants(std::span<const std::byte> properties) const;
};

/// `resource` is how texts call the stream. Error: 406 precondition_failed, soft, for values that
/// mean nothing.
Result<StreamReading, protocol::AmqpError> parse_stream_reading(
    const std::string& resource, const protocol::FieldTable& arguments);

}  // namespace leveret::broker
