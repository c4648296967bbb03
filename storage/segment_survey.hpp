/// A segment looked at as a whole: what is in it, and what of it is damaged.
///
/// Where a scanner stops at the first thing that is wrong, a survey goes on behind it, and it looks
/// into damaged frames for the records that are still right.
///
/// Thread: plain values and functions.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/segment_index.hpp"

namespace leveret::storage {

/// Bytes of a segment that are not what was written there.
struct DamagedRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  /// How many records are lost in it, as far as that can be known.
  std::optional<std::uint64_t> record_count;
  /// Those of them that still look like messages.
  std::uint64_t likely_message_count = 0;

  /// Whether something else may have been in it than messages.
  bool may_hold_others() const { return !record_count || *record_count > likely_message_count; }
};

/// What follows the log's end in the last segment: it was never safe, nobody was promised it.
struct TornEnd {
  std::uint64_t position = 0;
  std::uint64_t frame_count = 0;
  std::uint64_t record_count = 0;
};

struct SegmentSurvey {
  std::uint64_t file_size_bytes = 0;
  std::optional<SegmentHeader> header;  ///< Only when it is right.
  std::string header_problem;           ///< Else: what is wrong, as the end of a sentence.
  bool is_of_later_format = false;

  std::uint64_t frame_count = 0;  ///< Those that are whole.
  /// By kind. Index 0 counts kinds that this Leveret does not know.
  std::array<std::uint64_t, 8> record_counts{};
  std::uint32_t reference_count = 0;
  std::uint32_t epoch = 0;         ///< The highest seen.
  std::uint64_t end_position = 0;  ///< Where the last right frame ends.
  bool is_sealed = false;
  std::vector<DamagedRange> damaged;
  std::optional<TornEnd> torn_end;
  /// Settled references in damaged frames. They are not to be believed: what such a frame put in
  /// their place may be what is damaged.
  std::uint64_t doubtful_settled_count = 0;
  std::uint64_t unreadable_bytes = 0;  ///< The disk did not give them.
  /// The messages that are right.
  SegmentIndex index;
  /// These and, between them, damaged ones as they say of themselves what they are. Only where the
  /// bytes around them agree: most often it is the long body of a message that is hit.
  SegmentIndex claimed;

  std::uint64_t record_count() const;
  /// The file lacks its beginning, something in its middle, or its end.
  bool is_damaged() const { return !header || !damaged.empty(); }
};

/// A right record, and whether all of its frame is.
struct SurveyedRecord {
  RecordView view;
  std::uint64_t position = 0;
  bool frame_is_whole = true;

  /// All of the record; its payload lies behind its header.
  std::span<const std::byte> bytes() const {
    return {view.payload.data() - sizeof(RecordHeader), view.header.size_bytes};
  }
  /// Whether it counts: see doubtful_settled_count.
  bool is_trusted() const {
    return frame_is_whole || view.header.kind != RecordKind::settled;
  }
};
using VisitSurveyed = std::function<void(const SurveyedRecord&)>;

/// Looks at a segment. `is_last`: no later segment is there, so its end may be torn. `visit` gets
/// each right record, in order; it may be empty. What cannot be read counts as damaged.
SegmentSurvey survey_segment(const File& file, std::uint64_t file_size_bytes, const NodeId& node,
                             std::uint32_t segment, bool is_last, const VisitSurveyed& visit);

}  // namespace leveret::storage
