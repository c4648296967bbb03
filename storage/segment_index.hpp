/// What messages a segment holds, without their bytes: the segment's table of contents.
///
/// It grows with the segment that is being written, and is kept beside a sealed one as a file
/// (`.idx`), so that a start needs not read the messages. It can always be made again from the
/// segment.
///
/// Owner: whoever holds it. Thread: its owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/file.hpp"
#include "storage/format.hpp"

namespace leveret::storage {

struct IndexEntry {
  std::uint32_t first_ordinal = 0;
  std::uint32_t position = 0;  ///< Of the record, in units of 8 bytes.
  std::uint32_t size_bytes = 0;
  std::uint32_t body_size_bytes = 0;
  std::uint64_t published_at_ms = 0;
  std::uint64_t expiration_ms = no_expiration;
  std::vector<std::uint64_t> queues;
};

class SegmentIndex {
 public:
  /// Adds a message. One whose references do not come after those of all that were added before is
  /// left out, as StoreState does.
  void add(std::uint32_t first_ordinal, std::uint32_t position, std::uint32_t size_bytes,
           const MessageView& message);
  std::uint64_t message_count() const { return message_count_; }

  /// Visits all messages in their order.
  void for_each(const std::function<void(const IndexEntry&)>& visit) const;

  /// As a file's content; `segment` is the header of the file whose messages these are.
  std::vector<std::byte> file_bytes(const SegmentHeader& segment) const;
  /// Nothing when the bytes are not the index of that very file, whole and right.
  static std::optional<SegmentIndex> parse(std::span<const std::byte> bytes,
                                           const SegmentHeader& segment);
  /// The same where the header of that file is not known, as it is damaged or gone.
  struct Orphan;
  static std::optional<Orphan> parse_orphan(std::span<const std::byte> bytes,
                                            std::uint32_t segment, std::uint32_t seed);
  /// Whether the bytes are those of an index file that was not written to its end.
  static bool is_unfinished(std::span<const std::byte> bytes, std::uint32_t seed);

 private:
  bool read_all(const std::function<void(const IndexEntry&)>& visit) const;

  std::vector<std::byte> packed_;
  std::uint64_t message_count_ = 0;
  std::uint32_t reference_count_ = 0;
  // What the next entry is packed against.
  std::uint32_t last_ordinal_ = 0;
  std::uint32_t last_position_ = 0;
  std::uint64_t last_published_at_ms_ = 0;
};

struct SegmentIndex::Orphan {
  SegmentIndex index;
  std::uint32_t generation = 0;
};

}  // namespace leveret::storage
