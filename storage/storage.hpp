/// The storage of a node: the log with its threads, from the start to the end of the process.
///
/// Order of use: open() recovers; the broker takes what was recovered; start() begins to write;
/// stop() writes everything out.
///
/// Owner: the server. Thread: the server's; unplaced_bytes() and disk_is_full() any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "protocol/base/result.hpp"
#include "storage/durable_log.hpp"
#include "storage/file.hpp"
#include "storage/keeper.hpp"
#include "storage/log_settings.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_files.hpp"
#include "storage/segment_reader.hpp"
#include "storage/shard_log.hpp"

namespace leveret::storage {

class Storage {
 public:
  /// `files` and `events` must outlive the storage. `folder` is that of the log; it exists.
  Storage(FileSystem& files, std::string folder, const NodeId& node, LogSettings settings,
          LogEvents& events);
  ~Storage();

  /// Reads what is on the disk. Error: a sentence; no record has been changed then, but unfinished
  /// files may be gone, and indexes written.
  Result<void, std::string> open(const RecoveryOptions& options);
  /// What was found; notes of it grow in for_each_live_reference(). Requires: open, not started.
  const Recovered& recovered() const { return recovered_; }
  Result<void, std::string> for_each_live_reference(
      const std::function<bool(const LiveReference&)>& visit);

  /// From now on shards may submit.
  void start();
  /// Writes and syncs what was submitted, and a checkpoint. Shards must have stopped. May be called
  /// again.
  void stop();

  /// Requires: open. The shard log and the reader must not outlive the storage.
  std::unique_ptr<ShardLog> make_shard_log(std::function<void()> wake);
  std::unique_ptr<SegmentReader> make_reader();

  /// Whether somebody needs the room that garbage takes. Requires: started.
  void want_room(bool is_wanted) { keeper_->want_room(is_wanted); }
  /// How much of the free room what has been submitted will take. Requires: started.
  std::uint64_t unplaced_bytes() const { return log_->unplaced_bytes(); }
  /// There is no room for the log to grow.
  bool disk_is_full() const { return log_->out_of_space() || keeper_->lacks_room(); }

 private:
  void run_disk_thread();
  void run_keeper_thread();

  FileSystem& files_;
  SegmentFiles segment_files_;
  const LogSettings settings_;
  LogEvents& events_;
  RecoveryOptions recovery_options_;
  Recovered recovered_;
  std::unique_ptr<DurableLog> log_;
  std::unique_ptr<Keeper> keeper_;
  std::thread disk_thread_, keeper_thread_;
  std::mutex mutex_;
  std::condition_variable stopped_changed_;
  bool stopped_ = false;
  bool keeper_stopped_ = false;
};

}  // namespace leveret::storage
