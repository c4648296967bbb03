/// Cuts a stream of bytes into frames, however the bytes are split.
///
/// Frames that lie whole in the input are given as views of it; only what is cut off at its end
/// is copied. Bodies are never gathered: they are given in the pieces that arrive.
///
/// Owner:  one connection.   Thread: its shard.   Spec: AMQP 0-9-1 section 4.2.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/frame_type.hpp"

namespace leveret::protocol {

/// A frame, or a piece of a body frame: `starts` on its first piece, `ends` on its last.
struct Frame {
  FrameType type = FrameType::method;
  std::uint16_t channel = 0;
  std::span<const std::byte> payload;
  bool starts = true;
  bool ends = true;
};

class FrameParser {
 public:
  /// Frames may have `frame_max` bytes in all, and 8 more, which RabbitMQ lets pass. 0: no limit.
  explicit FrameParser(std::uint32_t frame_max) : frame_max_(frame_max) {}
  void set_frame_max(std::uint32_t frame_max) { frame_max_ = frame_max; }

  /// Gives more input. It must stay in place until next() has given nothing, or until park().
  void feed(std::span<const std::byte> input);

  /// The next frame, or nothing when the input is used up. The view is valid until the next call.
  /// Errors, after which nothing more can be read: 501 frame_error in RabbitMQ's words.
  Result<std::optional<Frame>, AmqpError> next();

  /// Keeps what next() has not given yet, so that the input's memory may be used again.
  void park();

  /// Memory held; 0 when nothing is kept.
  std::size_t held_bytes() const { return held_.capacity(); }

 private:
  /// The next `size` bytes in one piece, or nothing when there are not so many.
  std::optional<std::span<const std::byte>> peek(std::size_t size);
  void drop(std::size_t size);
  std::size_t held_size() const { return held_.size() - held_begin_; }
  std::optional<Frame> next_body_piece();
  Result<bool, AmqpError> take_body_end();
  Result<std::optional<Frame>, AmqpError> begin_frame(std::span<const std::byte> head);

  std::uint32_t frame_max_;
  std::span<const std::byte> input_;
  std::vector<std::byte> held_;  ///< Comes before the input.
  std::size_t held_begin_ = 0;
  bool in_body_ = false;         ///< Within a body frame, up to its end octet.
  bool body_starts_ = false;
  std::uint16_t body_channel_ = 0;
  std::uint32_t body_left_ = 0;
};

}  // namespace leveret::protocol
