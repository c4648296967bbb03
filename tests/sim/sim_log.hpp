/// The log of a node on a disk in memory, moved on by hand: recovered, written, and left as it is
/// when the world says that the node has died.
///
/// Owner:  one SimWorld.   Thread: the test's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/durable_log.hpp"
#include "storage/keeper.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_reader.hpp"
#include "storage/shard_log.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::broker {

class SimLog final : public storage::LogEvents {
 public:
  /// Recovers what is on the disk. `complain` is told of what must not be.
  SimLog(storage::FaultyDisk& disk, std::uint16_t shard_count, storage::LogSettings settings,
         std::function<void(const std::string&)> complain);
  ~SimLog() override;

  storage::LogWriter& writer(std::size_t shard) { return *writers_[shard]; }
  storage::LogReader& reader(std::size_t shard) { return *readers_[shard]; }

  // ---- the start ----
  const storage::Recovered& recovered() const { return recovered_; }
  void for_each_live_reference(
      const std::function<bool(const storage::LiveReference&)>& visit);
  /// From now on it is written.
  void start();

  // ---- its threads ----
  /// Writes and syncs what is due.
  void write(Instant now) { log_->step(now); }
  /// Brings the folder in order.
  void tidy(Instant now) { keeper_->step(now); }
  /// An orderly end: all that was submitted is safe.
  void close(Instant now);
  /// The power has been cut, or the log could not go on.
  bool has_failed() const { return has_failed_ || log_->failed() || disk_.power_is_cut(); }

 private:
  void on_failure(const storage::IoError& error) override;
  void on_disk_full(bool is_full) override;
  void on_warning(const std::string& sentence) override;

  storage::FaultyDisk& disk_;
  const storage::LogSettings settings_;
  const std::function<void(const std::string&)> complain_;
  storage::SegmentFiles files_;
  storage::Recovered recovered_;
  std::unique_ptr<storage::DurableLog> log_;
  std::unique_ptr<storage::Keeper> keeper_;
  std::vector<std::unique_ptr<storage::ShardLog>> writers_;
  std::vector<std::unique_ptr<storage::SegmentReader>> readers_;
  bool has_failed_ = false;
};

}  // namespace leveret::broker
