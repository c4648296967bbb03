/// From files to state: what a start does first.
///
/// A checkpoint is loaded and the frames of later segments are applied to it. The end of the last
/// segment may be torn: what was not synced when the machine stopped was promised to nobody, and is
/// left out. Anything else that is missing or wrong was promised: recovery refuses then, and says
/// where, unless it is told to skip what is damaged.
///
/// Thread: that of the start; nobody else uses the files meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "storage/checkpoint.hpp"
#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/segment_index.hpp"
#include "storage/store_state.hpp"

namespace leveret::storage {

struct RecoveryOptions {
  bool read_only = false;     ///< Change no file.
  bool skip_damaged = false;  ///< Go on behind damage, and note what is lost.
  /// Called now and then with the bytes that have been read, of about how many.
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

/// What checkpoints on the disk say, for deciding what may be removed.
struct CheckpointSummary {
  std::uint32_t segment = 0;  ///< 0: there is no such checkpoint.
  std::vector<std::uint32_t> live_segments;
};

struct Recovered {
  StoreState state;
  std::uint32_t next_segment = 1;  ///< The number of the segment to write next.
  std::uint32_t epoch = 1;
  CheckpointSummary newest_checkpoint, older_checkpoint;
  std::vector<std::string> spares;
  /// References that the log has to settle: nobody knows their queues any more, or their messages
  /// were lost and are to be skipped. Those who wrote them can no longer do it.
  std::vector<ReferenceRun> forgotten;
  std::uint64_t scanned_frame_count = 0;
  std::uint64_t scanned_record_count = 0;
  /// Sentences for the log: a torn end, a damaged checkpoint, what was skipped.
  std::vector<std::string> notes;
  /// Bytes of frames that could not be read and were skipped.
  std::uint64_t skipped_bytes = 0;
  /// Something damaged or missing was skipped: a checkpoint has to say so.
  bool has_skipped = false;
};

/// Recovers what is in `folder`; an empty folder is a new log. Error: a sentence.
Result<Recovered, std::string> recover(FileSystem& files, const std::string& folder,
                                       const NodeId& node, const RecoveryOptions& options);

/// A reference that is not settled.
struct LiveReference {
  LogPlace place;
  std::uint32_t index = 0;  ///< Which of the message's references.
  std::uint64_t queue = 0;
  std::uint64_t published_at_ms = 0;
  std::uint64_t expiration_ms = no_expiration;
  std::uint32_t body_size_bytes = 0;
  bool delivered = false;  ///< And not returned since.
  std::uint32_t return_count = 0;
};

/// Visits all live references in the order of publishing. `visit` returns false when nobody knows
/// the queue: the reference is forgotten then. Error: a sentence; some of them cannot be found.
Result<void, std::string> for_each_live_reference(
    FileSystem& files, const std::string& folder, const NodeId& node, Recovered& recovered,
    const RecoveryOptions& options, const std::function<bool(const LiveReference&)>& visit);

/// The index of a sealed segment: from its file, or else made from the segment's frames, which are
/// read from `file`. `is_made` tells which. Error: the segment cannot be read.
IoResult<SegmentIndex> load_index(FileSystem& files, const std::string& folder, const NodeId& node,
                                  std::uint32_t segment, const File& file,
                                  bool* is_made = nullptr);

/// The header of a segment's file; nothing when it is not right. Error: it cannot be read.
IoResult<std::optional<SegmentHeader>> read_segment_header(const File& file, const NodeId& node,
                                                           std::uint32_t segment);

/// A frame without records, as it is written: for the end of a segment, or to attest what is safe.
FrameHeader empty_frame(const NodeId& node, std::uint32_t segment, std::uint64_t position,
                        std::uint64_t durable_upto, std::uint32_t epoch, std::uint32_t flags);

}  // namespace leveret::storage
