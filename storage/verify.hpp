/// Reads all of a log and tells what of it is damaged, and what is lost by it.
///
/// Nothing is changed. Everything is read: the check sums of all records, each index against its
/// segment, each checkpoint against the segments behind it, the message of each live reference.
///
/// Thread: that of the caller; nobody writes to the files meanwhile.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/losses.hpp"
#include "storage/store_state.hpp"

namespace leveret::storage {

/// One thing that is not as it was written.
struct Damage {
  std::string file;                        ///< Its name in the log's folder.
  std::optional<std::uint64_t> position;   ///< Where in the file it begins.
  std::uint64_t size_bytes = 0;
  std::string what;                        ///< The end of a sentence that begins with the file.
  std::optional<std::uint64_t> record_count;  ///< Records lost by it, as far as that is known.
};

struct SegmentVerdict {
  bool is_missing = false;
  bool is_damaged = false;        ///< The segment's own file is.
  bool end_may_be_torn = false;   ///< It is the one that was being written.
  bool index_is_damaged = false;  ///< It can be made again.
  std::uint32_t generation = 0;   ///< As its header says, or else its index.
  std::uint32_t epoch = 0;        ///< The highest seen in it.
  std::uint64_t file_size_bytes = 0;
  std::uint64_t record_count = 0;
  Losses lost;
  /// What is lost is known from damaged records only, which may be wrong about themselves.
  bool losses_are_likely = false;
};

struct Verdict {
  std::vector<Damage> damages;
  std::vector<std::string> notes;  ///< Sentences about what is no damage: a torn end.
  std::map<std::uint32_t, SegmentVerdict> segments;
  std::vector<std::string> checkpoints;  ///< Files of those that are right; the newest first.
  std::vector<std::string> damaged_checkpoints;
  Losses lost;
  /// References whose settling is in a frame that is damaged: they come back.
  std::uint64_t doubtful_settled_count = 0;
  /// Other records than messages are lost, or may be: messages that were settled come back, what
  /// was defined is gone, what was removed is there again.
  bool others_may_be_lost = false;
  /// What remains.
  StoreState::Definitions definitions;
  std::uint64_t live_reference_count = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t record_count = 0;

  bool is_clean() const { return damages.empty(); }
};

/// Reads and checks everything in `folder`. Error: a sentence; the log is not one that can be
/// judged: it is of a later format, or its files may not be read.
Result<Verdict, std::string> verify(FileSystem& files, const std::string& folder,
                                    const NodeId& node);

}  // namespace leveret::storage
