/// The segments of a data directory, each read as a whole, and their records one by one.
///
/// Thread: that of the command.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "broker/cli/store_contents.hpp"
#include "storage/file.hpp"
#include "storage/segment_survey.hpp"

namespace leveret::cli {

struct SegmentContents {
  std::uint32_t number = 0;
  storage::SegmentSurvey survey;
  std::string index;  ///< "right", "none", "unfinished", "outdated" or "damaged".
  std::uint64_t live_count = 0;
  std::uint64_t live_size_bytes = 0;

  /// The share of the segment that nobody needs any more.
  std::uint64_t dead_percent() const;
};

/// Reads all segments. Those that are gone meanwhile are left out.
std::vector<SegmentContents> read_segments(storage::FileSystem& files,
                                           const StoreContents& contents);

enum class ReferenceState { ready, delivered, settled };
std::string_view name_of(ReferenceState state);
std::string_view name_of(storage::RecordKind kind);

/// What became of a reference, as far as the whole log tells.
ReferenceState state_of(const StoreContents& contents, std::uint32_t segment,
                        std::uint32_t ordinal);

using VisitRecord =
    std::function<void(std::uint32_t segment, const storage::SurveyedRecord& record)>;
/// Visits the newest records, at most `count_max`, the oldest of them first. A record is gone when
/// `visit` returns.
void for_each_record(storage::FileSystem& files, const StoreContents& contents,
                     std::uint64_t count_max, const VisitRecord& visit);

}  // namespace leveret::cli
