/// The log on the disk: puts what the shards submit into one order, writes it, and says when it is
/// safe.
///
/// Shards submit under a short lock, which gives each frame its place. One thread calls step()
/// again and again: it writes all that was submitted at once, syncs when somebody waits, and tells
/// the shards. While it syncs the next batch gathers: the slower the disk, the larger the batches.
///
/// Owner:  the server, or a test that calls step() itself.
/// Thread: submit() any shard's; step() and close() the disk thread's; the rest any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "storage/checkpoint.hpp"
#include "storage/file.hpp"
#include "storage/log_settings.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_files.hpp"
#include "storage/segment_index.hpp"
#include "storage/store_state.hpp"
#include "storage/submission.hpp"

namespace leveret::storage {

class ShardLog;

/// A segment that has got its last frame.
struct SealedSegment {
  SegmentHeader header;
  std::uint64_t end_position = 0;
  SegmentIndex index;
};

class DurableLog {
 public:
  /// `files` and `events` must outlive the log.
  DurableLog(SegmentFiles& files, Recovered&& recovered, LogSettings settings, LogEvents& events);
  ~DurableLog();

  /// Before the first step: the state of what was recovered, where it was not there yet when the
  /// log was made. What has been forgotten is settled.
  void take_recovered(Recovered&& recovered);

  // ---- shards ----
  void submit(ShardLog& shard, Submission& submission);
  /// The next step has something to do that cannot wait.
  void wake();
  /// Whether the record at a place can be read.
  bool is_written(const LogPlace& place) const {
    return written_end_.load(std::memory_order_acquire) > end_of(place.segment, place.position);
  }

  // ---- the disk thread ----
  /// Writes and syncs what is due. Returns when to call again at the latest.
  Instant step(Instant now);
  /// Waits until there is something to do, or until `deadline`.
  void wait(Instant now, Instant deadline);
  /// Writes and syncs everything and seals the segment. Nothing may be submitted any more.
  void close(Instant now);
  /// A write or a sync has failed: nothing is written or confirmed any more.
  bool failed() const { return failed_; }
  /// How much of what was submitted will need room that the log does not have yet. Any thread.
  std::uint64_t unplaced_bytes() const;
  /// There is no room for the next segment; step() tries again.
  bool out_of_space() const { return out_of_space_; }

  // ---- the keeper ----
  /// The spares that begin_segment() may take; names in the log's folder, of the usual size.
  void add_spare(std::string name);
  std::size_t spare_count() const;
  bool take_spare(std::string& name);
  /// Segments that were sealed since the last call.
  std::vector<SealedSegment> take_sealed();
  /// The newest checkpoint that was made since the last call; all that is in it is on the disk.
  std::optional<Checkpoint> take_checkpoint();
  /// A checkpoint is wanted soon: the present segment ends although it is not full.
  void request_checkpoint();
  /// Records written since the last checkpoint was made.
  bool has_changed() const;
  /// Calls `visit(state)` while nobody changes it. Returns how many records that this life
  /// has written are in it: not all of them are safe.
  std::uint64_t with_state(const std::function<void(StoreState&)>& visit);
  /// So many records are on the disk itself.
  bool is_durable(std::uint64_t record_count) const {
    return durable_record_count_.load(std::memory_order_acquire) >= record_count;
  }

 private:
  struct Queued {
    ShardLog* shard;  ///< nullptr: an attestation of the log's own.
    Submission* submission;
  };
  struct Unsynced {
    ShardLog* shard;
    std::uint64_t ticket;
  };

  static std::uint64_t end_of(std::uint32_t segment, std::uint32_t position) {
    return std::uint64_t{segment} << 32 | position;
  }
  void begin_tail();
  bool take_submissions(Instant now, bool at_once);
  bool write_pending(Instant now);
  bool write_batch(std::size_t count, Instant now);
  void note_written(const Submission& submission);
  bool begin_segment(const Submission& first);
  IoResult<void> seal_segment();
  IoResult<std::unique_ptr<File>> create_segment(const SegmentHeader& header,
                                                 bool has_messages);
  IoResult<void> name_segment(File& file, const SegmentHeader& header, const std::string& from);
  void note_unsynced(const Queued& queued, Instant now);
  bool sync();
  bool queue_attestation();
  void make_requested_checkpoint();
  void make_checkpoint();
  void note_room();
  bool give_up(const IoError& error);

  SegmentFiles& files_;
  const LogSettings settings_;
  LogEvents& events_;
  const std::uint32_t epoch_;

  // ---- under mutex_: what shards submit, and the place of the next frame ----
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  std::uint64_t queued_bytes_ = 0;
  bool urgent_ = false;
  std::uint32_t tail_segment_;
  std::uint64_t tail_position_ = first_frame_position;
  std::uint64_t tail_end_;
  std::uint32_t tail_ordinal_ = 0;
  std::vector<std::string> spares_;
  std::vector<SealedSegment> sealed_;
  std::optional<Checkpoint> checkpoint_;

  // ---- under state_mutex_ ----
  mutable std::mutex state_mutex_;
  StoreState state_;
  std::uint64_t records_since_checkpoint_ = 0;
  std::uint64_t record_count_ = 0;

  // ---- the disk thread's own ----
  std::deque<Queued> pending_;
  Instant first_pending_at_ = never;
  Instant first_unsynced_at_ = never;
  std::vector<Unsynced> unsynced_;
  std::vector<ShardLog*> to_wake_;
  std::unique_ptr<File> file_;
  std::uint32_t segment_ = 0;
  std::uint32_t seed_ = 0;
  std::uint64_t position_ = 0;          ///< Where the next frame goes.
  std::uint64_t durable_position_ = 0;  ///< Up to here the segment is synced.
  std::uint32_t next_segment_;          ///< The number of the next file.
  Instant written_at_ = never;
  Submission attestation_;
  std::unique_ptr<ShardLog> own_;  ///< For what no shard can settle any more.
  bool end_is_attested_ = true;
  SegmentHeader header_;
  std::uint64_t bytes_since_checkpoint_ = 0;
  SegmentIndex index_;
  std::vector<iovec> pieces_;
  std::atomic<std::uint64_t> written_end_{0};
  std::atomic<std::uint64_t> durable_record_count_{0};
  std::atomic<bool> checkpoint_requested_{false};
  std::atomic<std::uint64_t> unwritten_bytes_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> out_of_space_{false};
};

}  // namespace leveret::storage
