/// What a log is told by its owner, and tells him.
///
/// Thread: values; LogEvents are called by the log's own threads, and where they say so by shards.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "storage/file.hpp"

namespace leveret::storage {

struct LogSettings {
  std::uint64_t segment_size_bytes = 64ull << 20;
  /// False: what was handed to the operating system counts as safe.
  bool sync = true;
  /// What nobody waits for is written and synced after this long at the latest.
  std::chrono::milliseconds write_delay{10};
  std::chrono::milliseconds sync_delay{200};
  /// A checkpoint is made at the end of a segment after this much log, or this much time.
  std::uint64_t checkpoint_bytes = 256ull << 20;
  std::chrono::milliseconds checkpoint_interval{60'000};
  /// Much garbage is collected this often.
  std::chrono::milliseconds garbage_interval{5'000};
  /// Spare segments that are kept ready.
  std::uint32_t spare_count = 2;
  /// Messages do not take the last bytes of the disk: settlements, and checkpoints that know of
  /// them, make room again, and have to fit in there.
  std::uint64_t reserve_bytes = 0;
  /// Nor do settlements take the very last.
  std::uint64_t checkpoint_reserve_bytes = 0;
  /// A sealed segment with at least this share of dead bytes is rewritten, in percent.
  std::uint32_t compact_at_percent = 50;
  /// The same for a log that is hardly used.
  std::uint32_t compact_at_rest_percent = 20;
  /// A smaller one is not worth it.
  std::uint64_t compact_min_bytes = 64ull << 10;
};

class LogEvents {
 public:
  virtual ~LogEvents() = default;

  /// Writing or syncing has failed. What was not confirmed yet never will be.
  virtual void on_failure(const IoError& error) = 0;
  /// There is no room on the disk for the log to grow, or there is again.
  virtual void on_disk_full(bool is_full) = 0;
  /// What has been submitted will take another segment. Called on the submitting shard's thread.
  virtual void on_growth() {}
  /// Something that an operator should know. Also called on the thread of a shard that reads.
  virtual void on_warning(const std::string& sentence) = 0;
};

}  // namespace leveret::storage
