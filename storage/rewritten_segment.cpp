#include "storage/rewritten_segment.hpp"

#include <cstring>

namespace leveret::storage {

namespace {
constexpr std::size_t frame_target_bytes = 1024 * 1024;
}  // namespace

RewrittenSegment::RewrittenSegment(File& file, const SegmentHeader& header)
    : file_(file), header_(header), seed_(segment_seed(header.node, header.segment)) {
  begin_frame();
}

IoResult<void> RewrittenSegment::add(const RecordView& record, std::span<const std::byte> bytes) {
  const std::uint64_t position = position_ + frame_.size();
  frame_.insert(frame_.end(), bytes.begin(), bytes.end());
  frame_.resize(aligned(frame_.size()));
  ++record_count_;
  if (record.header.kind == RecordKind::message) {
    if (const auto message = read_message(record.payload)) {
      index_.add(record.header.first_ordinal,
                 static_cast<std::uint32_t>(position / LogPlace::position_unit_bytes),
                 record.header.size_bytes, *message);
    }
  }
  return frame_.size() < frame_target_bytes ? IoResult<void>{} : end_frame(0);
}

IoResult<void> RewrittenSegment::finish() {
  if (record_count_ > 0) {
    if (auto done = end_frame(0); !done) return done;
  }
  if (auto done = end_frame(FrameHeader::seal_flag); !done) return done;
  header_.file_size_bytes = position_;
  seal_header(header_, seed_);
  if (auto done = file_.write_at(0, bytes_of(header_)); !done) return done;
  return file_.sync_data();
}

void RewrittenSegment::begin_frame() {
  frame_.assign(sizeof(FrameHeader), std::byte{0});
  record_count_ = 0;
}

IoResult<void> RewrittenSegment::end_frame(std::uint32_t flags) {
  FrameHeader header;
  header.size_bytes = static_cast<std::uint32_t>(frame_.size());
  header.position = static_cast<std::uint32_t>(position_ / LogPlace::position_unit_bytes);
  header.record_count = record_count_;
  header.flags = flags;
  header.segment = header_.segment;
  seal_header(header, seed_);
  std::memcpy(frame_.data(), &header, sizeof(header));
  auto written = file_.write_at(position_, frame_);
  position_ += frame_.size();
  begin_frame();
  return written;
}

}  // namespace leveret::storage
