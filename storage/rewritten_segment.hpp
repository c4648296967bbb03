/// The new file of a segment while it is written: with some of its records, each as it was.
///
/// Messages keep their numbers, so what refers to them stays right. Their places change: an index
/// of the former file is not one of this.
///
/// Owner: whoever makes it. Thread: its owner's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/segment_index.hpp"

namespace leveret::storage {

class RewrittenSegment {
 public:
  /// `file` is empty, and must outlive this. Of `header`, that of the segment as it was, everything
  /// stays but the sizes.
  RewrittenSegment(File& file, const SegmentHeader& header);

  /// Adds a record, whose header and payload are `bytes`.
  IoResult<void> add(const RecordView& record, std::span<const std::byte> bytes);
  /// Writes the rest, the seal and the header, and syncs.
  IoResult<void> finish();

  /// Right once it is finished.
  const SegmentHeader& header() const { return header_; }
  const SegmentIndex& index() const { return index_; }
  std::uint64_t end_position() const { return position_; }

 private:
  void begin_frame();
  IoResult<void> end_frame(std::uint32_t flags);

  File& file_;
  SegmentHeader header_;
  const std::uint32_t seed_;
  std::vector<std::byte> frame_;
  std::uint32_t record_count_ = 0;
  std::uint64_t position_ = first_frame_position;
  SegmentIndex index_;
};

}  // namespace leveret::storage
