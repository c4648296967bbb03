/// Keeps the log's folder in order, beside the writing: spares, indexes, checkpoints, garbage.
///
/// Nothing here holds up a confirm; a step that fails is tried again at the next call, unless it
/// was a sync.
///
/// Owner: the server, or a test that calls step() itself. Thread: one; is_disk_low() any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "protocol/base/clock.hpp"
#include "storage/durable_log.hpp"
#include "storage/log_settings.hpp"
#include "storage/segment_files.hpp"

namespace leveret::storage {

class Keeper {
 public:
  /// What recovery has found about checkpoints; a new one is made at the first step when some of
  /// the log had to be read.
  struct Start {
    CheckpointSummary newest, older;
    std::optional<Checkpoint> due;
  };

  /// `log`, `files` and `events` must outlive the keeper.
  Keeper(DurableLog& log, SegmentFiles& files, LogSettings settings, LogEvents& events,
         Start start);

  /// Does what is due. Returns when to call again at the latest.
  Instant step(Instant now);
  /// After the log was closed: the last index and checkpoint.
  void finish();

  /// No spare could be prepared: the log cannot grow much more.
  bool lacks_room() const { return lacks_room_; }

 private:
  void finish_sealed();
  void finish_sealed(SealedSegment& sealed);
  void write_checkpoint(const Checkpoint& checkpoint);
  void remove_old_checkpoints();
  void prepare_spare();
  IoResult<void> fill_spare(const std::string& unfinished, const std::string& name);
  void collect_garbage();
  void recycle(std::uint32_t segment);
  void compact_one(Instant now);
  std::optional<std::uint32_t> choose_segment(Instant now);
  IoResult<void> compact(std::uint32_t segment);
  void remove(const std::string& name);
  bool tolerate(const IoError& error);
  std::string path(const std::string& name) const { return files_.folder() + "/" + name; }

  DurableLog& log_;
  SegmentFiles& files_;
  const LogSettings settings_;
  LogEvents& events_;
  CheckpointSummary newest_, older_;
  std::optional<Checkpoint> due_;
  Instant checkpoint_requested_at_ = never;
  Instant last_change_at_ = never;
  std::uint32_t last_sealed_ = 0;
  std::uint32_t next_spare_ = 1;
  /// Segments that could not be compacted, because something in them is damaged.
  std::map<std::uint32_t, bool> not_compactable_;
  std::atomic<bool> lacks_room_{false};
};

}  // namespace leveret::storage
