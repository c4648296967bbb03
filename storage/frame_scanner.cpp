#include "storage/frame_scanner.hpp"

#include <algorithm>

namespace leveret::storage {

namespace {
constexpr std::uint64_t read_ahead_bytes = 1024 * 1024;
}  // namespace

FrameScanner::FrameScanner(const File& file, std::uint64_t size_bytes, const NodeId& node,
                           std::uint32_t segment)
    : file_(file), size_bytes_(size_bytes), segment_(segment),
      seed_(segment_seed(node, segment)) {}

IoResult<std::span<const std::byte>> FrameScanner::window(std::uint64_t position,
                                                          std::uint64_t size_bytes) {
  size_bytes = position >= size_bytes_ ? 0 : std::min(size_bytes, size_bytes_ - position);
  const bool is_there = position >= buffer_position_ &&
                        position + size_bytes <= buffer_position_ + buffer_.size();
  if (!is_there) {
    buffer_.resize(std::min(std::max(size_bytes, read_ahead_bytes), size_bytes_ - position));
    const auto count = file_.read_at(position, buffer_);
    if (!count) return tl::unexpected(count.error());
    buffer_.resize(*count);
    buffer_position_ = position;
    size_bytes = std::min<std::uint64_t>(size_bytes, *count);
  }
  return std::span<const std::byte>(buffer_).subspan(position - buffer_position_, size_bytes);
}

IoResult<std::optional<Frame>> FrameScanner::next() {
  auto bytes = window(position_, sizeof(FrameHeader));
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() < sizeof(FrameHeader)) return std::nullopt;
  Frame frame;
  frame.header = read_struct<FrameHeader>(*bytes);
  frame.position = position_;
  if (!frame_header_is_right(frame.header, segment_, seed_, position_)) return std::nullopt;
  durable_upto_ = std::max(durable_upto_, frame.durable_upto());
  bytes = window(position_, frame.header.size_bytes);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() < frame.header.size_bytes) return std::nullopt;
  if (!read_records(bytes->subspan(sizeof(FrameHeader)), frame)) return std::nullopt;
  position_ += frame.header.size_bytes;
  return frame;
}

bool FrameScanner::read_records(std::span<const std::byte> bytes, Frame& frame) const {
  for (std::uint32_t i = 0; i < frame.header.record_count; ++i) {
    const auto record = read_record(bytes, seed_);
    if (!record) return false;
    frame.records.push_back(*record);
    const std::uint64_t size_bytes = aligned(record->header.size_bytes);
    bytes = bytes.subspan(std::min<std::uint64_t>(bytes.size(), size_bytes));
  }
  return bytes.empty();
}

IoResult<bool> FrameScanner::find_next(std::uint64_t from) {
  for (std::uint64_t position = aligned(from); position + sizeof(FrameHeader) <= size_bytes_;) {
    const auto bytes = window(position, read_ahead_bytes);
    if (!bytes) return tl::unexpected(bytes.error());
    std::uint64_t offset = 0;
    bool found = false;
    for (; offset + sizeof(FrameHeader) <= bytes->size(); offset += 8) {
      if (read_struct<std::uint32_t>(bytes->subspan(offset)) != FrameHeader::right_magic) continue;
      found = true;
      break;
    }
    if (!found && offset == 0) break;
    position += offset;
    if (!found) continue;
    const std::uint64_t before = position_;
    position_ = position;
    const auto frame = next();
    if (!frame) return tl::unexpected(frame.error());
    if (*frame) {
      position_ = position;
      return true;
    }
    position_ = before;
    position += 8;
  }
  return false;
}

}  // namespace leveret::storage
