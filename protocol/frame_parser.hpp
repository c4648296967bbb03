/// Cuts a stream of bytes into frames, however the bytes are split.
///
/// Frames that lie whole in the input are given as views of it; only what is cut off at its end
/// is copied. Bodies are never gathered: they are given in the pieces that arrive. The last byte
/// of a body frame is given only once its end octet has been seen, so a message that is complete
/// is one whose frames were right.
///
/// Owner:  one connection.   Thread: its shard.   Spec: AMQP 0-9-1 section 4.2.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/frame_text.hpp"
#include "protocol/frame_type.hpp"

namespace leveret::protocol {

/// A frame, or a piece of a body frame: `starts` on its first piece, `ends` on its last.
/// A method has at least its class and method id, a content header its 12 fixed bytes, a
/// heartbeat nothing.
struct Frame {
  FrameType type = FrameType::method;
  std::uint16_t channel = 0;
  std::span<const std::byte> payload;
  bool starts = true;
  bool ends = true;
};

class FrameParser {
 public:
  /// Payloads may have `frame_max` bytes: 8 more than the frame leaves room for, as RabbitMQ lets
  /// pass. 0: no limit. Requires: 0, or at least frame_min_size_bytes.
  explicit FrameParser(std::uint32_t frame_max) { set_frame_max(frame_max); }
  void set_frame_max(std::uint32_t frame_max);

  /// Gives more input. It must stay in place until next() has given nothing, or until park().
  /// Requires: one of the two has happened since the last feed().
  void feed(std::span<const std::byte> input);

  /// The next frame, or nothing when the input is used up: what was left of it has been parked.
  /// The view is valid until the next call of next(), feed() or park().
  /// Errors: 501 frame_error in RabbitMQ's words. After one, all input is thrown away.
  Result<std::optional<Frame>, AmqpError> next();

  /// Keeps what next() has not given yet, so that the input's memory may be used again.
  void park();

  /// Whether bytes are at hand that next() has not given yet, though they may not make a frame.
  bool has_input() const { return held_size() > 0 || !input_.empty(); }
  /// Memory held; 0 when nothing is kept.
  std::size_t held_bytes() const { return held_.capacity(); }

 private:
  using Next = Result<std::optional<Frame>, AmqpError>;

  /// What comes next, as far as it lies in one piece.
  std::span<const std::byte> at_hand() const;
  /// The next `size` bytes, brought into one piece, or nothing when there are not so many.
  std::optional<std::span<const std::byte>> peek(std::size_t size);
  void drop(std::size_t size);
  std::size_t held_size() const { return held_.size() - held_begin_; }
  Next wait();
  Next begin_frame(std::span<const std::byte> head);
  Next end_frame(std::uint8_t type, std::uint16_t channel, std::span<const std::byte> whole);
  Next next_body_piece();
  Next end_body(std::span<const std::byte> rest_and_end);
  void note_body(std::span<const std::byte> piece);
  Next fail(AmqpError error);

  std::uint32_t frame_max_ = 0;
  std::span<const std::byte> input_;
  std::vector<std::byte> held_;  ///< Comes before the input.
  std::size_t held_begin_ = 0;

  std::uint32_t body_left_ = 0;
  std::uint16_t body_channel_ = 0;
  bool in_body_ = false;  ///< Within a body frame, up to and with its end octet.
  bool body_starts_ = false;
  bool failed_ = false;
  /// The first bytes of a body frame that comes in pieces, for the words of an error.
  std::uint8_t noted_size_ = 0;
  std::array<std::byte, shown_payload_max_bytes + 1> noted_;
};

}  // namespace leveret::protocol
