/// Reads a segment's frames from its file, one after the other, and checks all of each.
///
/// Owner: whoever makes it. Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "storage/file.hpp"
#include "storage/format.hpp"

namespace leveret::storage {

struct Frame {
  FrameHeader header;
  std::uint64_t position = 0;
  std::vector<RecordView> records;  ///< Valid until the scanner goes on.

  bool is_seal() const { return (header.flags & FrameHeader::seal_flag) != 0; }
  std::uint64_t durable_upto() const { return header.durable_upto_at(position); }
};

class FrameScanner {
 public:
  /// `file` must outlive the scanner.
  FrameScanner(const File& file, std::uint64_t size_bytes, const NodeId& node,
               std::uint32_t segment);

  /// The frame here, and the scanner is behind it; nothing when there is none that is right, and
  /// the scanner stays. Error: the file cannot be read.
  IoResult<std::optional<Frame>> next();
  /// Goes to the nearest right frame at or behind the position. False: there is none.
  IoResult<bool> find_next(std::uint64_t from);

  /// Up to where the segment was safe, as right headers say that next() and find_next() have met:
  /// also those of frames that are torn.
  std::uint64_t durable_upto() const { return durable_upto_; }

  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position) { position_ = position; }

 private:
  /// Bytes of the file, as many as there are up to `size_bytes`.
  IoResult<std::span<const std::byte>> window(std::uint64_t position, std::uint64_t size_bytes);
  bool read_records(std::span<const std::byte> bytes, Frame& frame) const;

  const File& file_;
  std::uint64_t size_bytes_;
  std::uint32_t segment_;
  std::uint32_t seed_;
  std::uint64_t position_ = first_frame_position;
  std::uint64_t durable_upto_ = 0;
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_position_ = 0;
};

}  // namespace leveret::storage
