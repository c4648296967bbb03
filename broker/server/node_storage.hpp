/// The node's data directory and storage, as the server uses them: opened, watched, reported.
///
/// Owner: the Server. Thread: the server's; on_failure(), on_disk_full(), on_growth() and
///        on_warning() are called by the storage's own threads and by shards.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/server/shard.hpp"
#include "config/config.hpp"
#include "protocol/base/result.hpp"
#include "storage/data_dir.hpp"
#include "storage/posix_file.hpp"
#include "storage/storage.hpp"

namespace leveret::server {

class NodeStorage final : public storage::LogEvents {
 public:
  /// Opens the data directory and recovers the log. `on_low` is called, by any thread, when the
  /// log grows and there is too little room left. Error: a sentence.
  Result<void, std::string> open(const config::Config& config, std::function<void()> on_low);

  /// Writes out what was submitted. Shards must have stopped. May be called without open().
  void stop() {
    if (storage_ != nullptr) storage_->stop();
  }
  storage::Storage& log() { return *storage_; }
  storage::DataDir& data_dir() { return *data_dir_; }
  storage::FileSystem& files() { return files_; }

  /// What a shard needs of it; `wake` is called when something that it awaits is committed.
  ShardStorage make_shard_storage(std::uint16_t shard, std::function<void()> wake);

  /// Writes to the log what recovery has found.
  void report_recovery(std::uint64_t queue_count, std::uint64_t message_count);
  /// Whether publishers have to wait for room; looks at the disk when it is time to, or at once
  /// when on_low() was called since.
  bool check_disk(const config::Disk& limits, bool was_raised);
  /// What the last look has found.
  std::uint64_t free_bytes() const { return free_bytes_; }

  void on_failure(const storage::IoError& error) override;
  void on_disk_full(bool is_full) override;
  void on_growth() override;
  void on_warning(const std::string& sentence) override;

 private:
  /// Free room when all that was submitted is written; nothing when nobody can tell.
  std::optional<std::uint64_t> room_bytes();
  void report_progress(std::uint64_t done_bytes, std::uint64_t total_bytes);

  storage::PosixFileSystem files_;
  std::optional<storage::DataDir> data_dir_;
  std::unique_ptr<storage::Storage> storage_;
  std::chrono::steady_clock::time_point opened_at_, reported_at_, checked_at_;
  std::function<void()> on_low_;
  std::atomic<std::uint64_t> free_limit_bytes_{0};
  std::uint64_t log_room_bytes_ = 0;  ///< What the log needs to go on without publishers.
  std::uint64_t free_bytes_ = 0;
  bool is_low_ = false;
};

}  // namespace leveret::server
