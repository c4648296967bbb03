#include "protocol/frame_parser.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/assert.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/wire_reader.hpp"

namespace leveret::protocol {

namespace {

// Not worth giving back while something is held.
constexpr std::size_t quiet_held_max_bytes = 4096;

/// Whether there is such a type, and the payload may be one of it.
bool is_frame(std::uint8_t type, std::size_t payload_size) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::method: return payload_size >= method_id_bytes;
    case FrameType::header: return payload_size >= content_header_head_bytes;
    case FrameType::body: return true;
    case FrameType::heartbeat: return payload_size == 0;
  }
  return false;
}

}  // namespace

void FrameParser::set_frame_max(std::uint32_t frame_max) {
  LEVERET_ASSERT(frame_max == 0 || frame_max >= frame_min_size_bytes,
                 "frames may be as large as the smallest limit allows");
  frame_max_ = frame_max;
}

void FrameParser::feed(std::span<const std::byte> input) {
  LEVERET_ASSERT(input_.empty(), "earlier input has been used up or parked");
  if (!failed_) input_ = input;
}

void FrameParser::park() {
  if (held_size() == 0) {
    // An idle connection keeps nothing, and a quiet one not the memory of a busy time.
    const bool too_large = held_.capacity() > quiet_held_max_bytes &&
                           held_.capacity() / 4 > input_.size();
    if (input_.empty() || too_large) std::vector<std::byte>().swap(held_);
    held_.assign(input_.begin(), input_.end());
    held_begin_ = 0;
  } else if (!input_.empty()) {
    held_.insert(held_.end(), input_.begin(), input_.end());
  }
  input_ = {};
}

std::span<const std::byte> FrameParser::at_hand() const {
  return held_size() > 0 ? std::span<const std::byte>(held_).subspan(held_begin_) : input_;
}

std::optional<std::span<const std::byte>> FrameParser::peek(std::size_t size) {
  if (held_size() == 0) {
    if (input_.size() >= size) return input_.first(size);
    return std::nullopt;
  }
  if (held_size() < size) {
    const std::size_t missing = size - held_size();
    if (input_.size() < missing) return std::nullopt;
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(held_begin_));
    held_begin_ = 0;
    held_.insert(held_.end(), input_.begin(),
                 input_.begin() + static_cast<std::ptrdiff_t>(missing));
    input_ = input_.subspan(missing);
  }
  return std::span<const std::byte>(held_).subspan(held_begin_, size);
}

void FrameParser::drop(std::size_t size) {
  const std::size_t from_held = std::min(size, held_size());
  held_begin_ += from_held;
  input_ = input_.subspan(size - from_held);
}

FrameParser::Next FrameParser::next() {
  if (in_body_) return next_body_piece();
  const auto head = peek(frame_head_bytes);
  if (!head) return wait();
  return begin_frame(*head);
}

FrameParser::Next FrameParser::wait() {
  park();
  return std::nullopt;
}

FrameParser::Next FrameParser::fail(AmqpError error) {
  failed_ = true;
  in_body_ = false;
  input_ = {};
  std::vector<std::byte>().swap(held_);
  held_begin_ = 0;
  return tl::unexpected(std::move(error));
}

FrameParser::Next FrameParser::begin_frame(std::span<const std::byte> head) {
  WireReader reader(head);
  const std::uint8_t type = reader.read_u8();
  const std::uint16_t channel = reader.read_u16();
  const std::uint32_t size = reader.read_u32();
  // RabbitMQ lets a payload exceed its bound by the size of the overhead, which some clients
  // forget (FRAME_SIZE_FUDGE in rabbit_reader.erl).
  if (frame_max_ != 0 && size > frame_max_) {
    return fail(frame_size_error(
        type, size, frame_max_ - static_cast<std::uint32_t>(frame_overhead_bytes)));
  }
  if (at_hand().size() >= frame_overhead_bytes + size) {
    return end_frame(type, channel, at_hand().first(frame_overhead_bytes + size));
  }
  if (type == static_cast<std::uint8_t>(FrameType::body)) {
    drop(frame_head_bytes);
    in_body_ = true;
    body_starts_ = true;
    body_channel_ = channel;
    body_left_ = size;
    noted_size_ = 0;
    return next_body_piece();
  }
  const auto whole = peek(frame_overhead_bytes + size);
  return whole ? end_frame(type, channel, *whole) : wait();
}

FrameParser::Next FrameParser::end_frame(std::uint8_t type, std::uint16_t channel,
                                         std::span<const std::byte> whole) {
  const auto payload = whole.subspan(frame_head_bytes, whole.size() - frame_overhead_bytes);
  if (whole.back() != frame_end) return fail(frame_end_error(type, payload, whole.back()));
  if (!is_frame(type, payload.size())) return fail(unknown_frame_error(type, payload));
  drop(whole.size());
  return Frame{static_cast<FrameType>(type), channel, payload, true, true};
}

FrameParser::Next FrameParser::next_body_piece() {
  const auto there = at_hand();
  if (there.size() > body_left_) return end_body(there.first(body_left_ + std::size_t{1}));
  const std::size_t given = std::min<std::size_t>(there.size(), std::max(body_left_, 1u) - 1);
  if (given == 0) {
    // Nothing is there, or the last byte without the end octet.
    const auto rest_and_end = peek(body_left_ + std::size_t{1});
    return rest_and_end ? end_body(*rest_and_end) : wait();
  }
  const auto piece = there.first(given);
  note_body(piece);
  drop(given);
  body_left_ -= static_cast<std::uint32_t>(given);
  return Frame{FrameType::body, body_channel_, piece, std::exchange(body_starts_, false), false};
}

FrameParser::Next FrameParser::end_body(std::span<const std::byte> rest_and_end) {
  const auto rest = rest_and_end.first(rest_and_end.size() - 1);
  if (rest_and_end.back() != frame_end) {
    note_body(rest);
    return fail(frame_end_error(static_cast<std::uint8_t>(FrameType::body),
                                std::span(noted_).first(noted_size_), rest_and_end.back()));
  }
  in_body_ = false;
  drop(rest_and_end.size());
  return Frame{FrameType::body, body_channel_, rest, std::exchange(body_starts_, false), true};
}

void FrameParser::note_body(std::span<const std::byte> piece) {
  const auto noted = piece.first(std::min(piece.size(), noted_.size() - noted_size_));
  std::copy(noted.begin(), noted.end(), noted_.begin() + noted_size_);
  noted_size_ = static_cast<std::uint8_t>(noted_size_ + noted.size());
}

}  // namespace leveret::protocol
