#include "protocol/frame_parser.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/base/assert.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/wire_reader.hpp"

namespace leveret::protocol {

namespace {

// RabbitMQ lets a payload exceed frame_max - 8 by as much: some clients reckon without the
// overhead (FRAME_SIZE_FUDGE in rabbit_reader.erl).
constexpr std::uint32_t frame_size_fudge_bytes = 8;

bool is_known(std::uint8_t type) { return (type >= 1 && type <= 3) || type == 8; }

/// Bytes as Erlang shows a binary: as text where all of it can be shown, else as numbers.
std::string erlang_binary(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  const bool printable = std::all_of(text.begin(), text.end(), [](unsigned char character) {
    return (character >= 32 && character < 127) || character == '\n' || character == '\t';
  });
  if (text.empty()) return "<<>>";
  if (printable) return "<<\"" + std::string(text) + "\">>";
  std::string numbers;
  for (const std::byte byte : bytes) {
    numbers += (numbers.empty() ? "" : ",") + std::to_string(std::to_integer<int>(byte));
  }
  return "<<" + numbers + ">>";
}

tl::unexpected<AmqpError> frame_error(std::uint8_t type, std::span<const std::byte> payload,
                                      const std::string& what) {
  constexpr std::size_t shown_max = 16;
  const bool all = payload.size() <= shown_max;
  return tl::unexpected(AmqpError::frame_error(
      "type " + std::to_string(type) + ", " + (all ? "all" : "first 16") + " octets = " +
      erlang_binary(payload.first(std::min(payload.size(), shown_max))) + ": " + what));
}

std::string bad_end(std::byte octet) {
  return "{invalid_frame_end_marker," + std::to_string(std::to_integer<int>(octet)) + "}";
}

}  // namespace

void FrameParser::feed(std::span<const std::byte> input) {
  LEVERET_ASSERT(input_.empty(), "earlier input has been used up or parked");
  input_ = input;
}

void FrameParser::park() {
  if (held_begin_ == held_.size()) {
    held_begin_ = 0;
    if (input_.empty()) {
      held_ = {};  // An idle connection keeps nothing.
      return;
    }
    held_.assign(input_.begin(), input_.end());
  } else if (!input_.empty()) {
    held_.insert(held_.end(), input_.begin(), input_.end());
  }
  input_ = {};
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
  if (held_begin_ == held_.size() && held_begin_ != 0) {
    // The bytes stay in place for whoever was given a view of them; only the count goes.
    held_.clear();
    held_begin_ = 0;
  }
}

Result<std::optional<Frame>, AmqpError> FrameParser::next() {
  for (;;) {
    if (in_body_) {
      if (body_starts_ || body_left_ > 0) return next_body_piece();
      auto taken = take_body_end();
      if (!taken) return tl::unexpected(std::move(taken.error()));
      if (!*taken) return std::nullopt;
    }
    const auto head = peek(frame_head_bytes);
    if (!head) return std::nullopt;
    auto begun = begin_frame(*head);
    if (!begun || !in_body_) return begun;
  }
}

std::optional<Frame> FrameParser::next_body_piece() {
  const std::span<const std::byte> at_hand =
      held_size() > 0 ? std::span<const std::byte>(held_).subspan(held_begin_) : input_;
  if (at_hand.empty() && body_left_ > 0) return std::nullopt;
  const auto piece = at_hand.first(std::min<std::size_t>(at_hand.size(), body_left_));
  body_left_ -= static_cast<std::uint32_t>(piece.size());
  drop(piece.size());
  return Frame{FrameType::body, body_channel_, piece, std::exchange(body_starts_, false),
               body_left_ == 0};
}

Result<bool, AmqpError> FrameParser::take_body_end() {
  const auto end = peek(1);
  if (!end) return false;
  if (std::to_integer<std::uint8_t>((*end)[0]) != frame_end_octet) {
    return frame_error(static_cast<std::uint8_t>(FrameType::body), {}, bad_end((*end)[0]));
  }
  drop(1);
  in_body_ = false;
  return true;
}

Result<std::optional<Frame>, AmqpError> FrameParser::begin_frame(std::span<const std::byte> head) {
  WireReader reader(head);
  const std::uint8_t type = reader.read_u8();
  const std::uint16_t channel = reader.read_u16();
  const std::uint32_t size = reader.read_u32();
  if (frame_max_ != 0) {
    const std::uint32_t payload_max = frame_max_ - std::uint32_t{frame_overhead_bytes};
    if (size > payload_max + frame_size_fudge_bytes) {
      return frame_error(type, {},
                         "{frame_too_large," + std::to_string(size) + "," +
                             std::to_string(payload_max) + "}");
    }
  }
  if (type == static_cast<std::uint8_t>(FrameType::body)) {
    drop(frame_head_bytes);
    in_body_ = body_starts_ = true;
    body_channel_ = channel;
    body_left_ = size;
    return std::nullopt;
  }
  const auto whole = peek(frame_overhead_bytes + size);
  if (!whole) return std::nullopt;
  const auto payload = whole->subspan(frame_head_bytes, size);
  if (std::to_integer<std::uint8_t>(whole->back()) != frame_end_octet) {
    return frame_error(type, payload, bad_end(whole->back()));
  }
  if (!is_known(type)) return frame_error(type, payload, "unknown_frame");
  drop(whole->size());
  return Frame{static_cast<FrameType>(type), channel, payload, true, true};
}

}  // namespace leveret::protocol
