/// One life of a log: whoever has it takes the part of the log's threads, and of the broker.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/durable_log.hpp"
#include "storage/keeper.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_reader.hpp"
#include "storage/shard_log.hpp"
#include "tests/fuzz/log_image.hpp"

namespace leveret::storage {

/// A log of small segments, most of them worth compacting.
LogSettings small_log();

class LogLife final : public LogEvents {
 public:
  LogLife(FileSystem& disk, Recovered recovered, LogSettings settings = small_log());

  void on_failure(const IoError& error) override { failures.push_back(error.text()); }
  void on_disk_full(bool) override {}
  void on_warning(const std::string& sentence) override { warnings.push_back(sentence); }

  const LogPlace& append(std::string_view text, std::vector<std::uint64_t> queues = {1});
  ShardLog& shard() { return *shard_; }
  /// Submits, and asks the log for it to be safe. Returns whether it is.
  bool commit();
  /// Submits what nobody waits for, and lets it be written but not synced.
  void write_unsynced();
  /// The bytes of a message; none when it cannot be read.
  std::string read(const LogPlace& place);

  /// Ends the segment here, with a checkpoint, and lets the keeper have it.
  void roll();
  /// The keeper's and the log's steps, a second apart each.
  void run_seconds(int seconds);
  /// An orderly end.
  void close();

  std::vector<std::string> failures, warnings;

 private:
  LogSettings settings_;
  SegmentFiles files_;
  DurableLog log_;
  Keeper keeper_;
  std::unique_ptr<ShardLog> shard_;
  SegmentReader reader_;
  Instant now_{1'000'000};
  std::deque<LogPlace> places_;
  std::deque<std::string> texts_;
};

}  // namespace leveret::storage
