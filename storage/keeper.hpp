/// Keeps the log's folder in order, beside the writing: spares, indexes, checkpoints, garbage.
///
/// Nothing here holds up a confirm. What fails for want of room is tried again at the next call; a
/// compaction that fails is given up with a warning; what else fails is the log's failure, too.
///
/// Owner: the server, or a test that calls step() itself. Thread: one; lacks_room() and
///        want_room() any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "protocol/base/clock.hpp"
#include "storage/durable_log.hpp"
#include "storage/log_settings.hpp"
#include "storage/segment_files.hpp"

namespace leveret::storage {

class Keeper {
 public:
  /// What recovery has found about checkpoints.
  struct Start {
    CheckpointSummary newest, older;
  };

  /// `log`, `files` and `events` must outlive the keeper.
  Keeper(DurableLog& log, SegmentFiles& files, LogSettings settings, LogEvents& events,
         Start start);

  /// Does what is due. Returns when to call again at the latest.
  Instant step(Instant now);
  /// After the log was closed: the last index and checkpoint.
  void finish();

  /// No spare could be prepared: what is left is for acknowledgements.
  bool lacks_room() const { return lacks_room_; }
  /// Whether somebody needs the room that garbage takes. Any thread.
  void want_room(bool is_wanted) { room_is_wanted_ = is_wanted; }

 private:
  /// A compacted segment that waits for what it leaves out to be settled on the disk itself.
  struct Compaction {
    SegmentHeader header;
    SegmentIndex index;
    std::uint64_t end_position = 0;
    std::uint64_t live_size_bytes = 0;
    std::uint64_t record_count = 0;  ///< How much of the log has to be durable.
  };

  struct Look {
    std::uint32_t live_count = 0;
    std::uint64_t dead_percent = 0;
  };

  void finish_sealed();
  void finish_sealed(SealedSegment& sealed);
  void write_due_checkpoint();
  IoResult<void> write_checkpoint(const std::string& name, std::span<const std::byte> bytes);
  void double_newest_checkpoint();
  void remove_old_checkpoints();
  void request_checkpoint_when_due(Instant now);
  bool has_much_garbage(Instant now);
  void make_room();
  void prepare_spares();
  IoResult<void> prepare_spare();
  IoResult<void> fill_spare(const std::string& unfinished, const std::string& name);
  void collect_garbage();
  void recycle(std::uint32_t segment);
  void compact_one(Instant now);
  std::optional<std::uint32_t> choose_segment(std::uint64_t percent);
  IoResult<void> begin_compaction(std::uint32_t segment, std::uint64_t percent);
  IoResult<void> finish_compaction();
  void drop_compaction();
  void give_up_compaction(std::uint32_t segment, const IoError& error);
  void remove(const std::string& name);
  bool tolerate(const IoError& error);
  std::string path(const std::string& name) const { return files_.folder() + "/" + name; }

  DurableLog& log_;
  SegmentFiles& files_;
  const LogSettings settings_;
  LogEvents& events_;
  CheckpointSummary newest_, older_;
  std::optional<Checkpoint> due_;
  bool due_is_late_ = false;  ///< There was no room for it; that has been said.
  Instant checkpoint_requested_at_ = never;
  Instant last_change_at_ = never;
  Instant made_room_at_ = never;
  std::uint32_t next_spare_ = 1;
  std::optional<Compaction> compaction_;
  /// Segments that could not be compacted, because something in them is damaged.
  std::set<std::uint32_t> not_compactable_;
  /// What was found out about segments when their indexes were read.
  std::map<std::uint32_t, Look> looks_;
  std::atomic<bool> lacks_room_{false};
  std::atomic<bool> room_is_wanted_{false};
};

}  // namespace leveret::storage
