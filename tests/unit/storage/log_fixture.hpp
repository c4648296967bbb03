/// A node's log on a faulty disk: the test takes the part of the log's threads, and of the broker.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/durable_log.hpp"
#include "storage/keeper.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_reader.hpp"
#include "storage/shard_log.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {

class LogFixture : public ::testing::Test, public LogEvents {
 protected:
  static constexpr NodeId node{std::byte{1}, std::byte{2}, std::byte{3}};
  inline static const std::string folder = "log";

  LogFixture();
  ~LogFixture() override;

  void on_failure(const IoError& error) override { failures.push_back(error.text()); }
  void on_disk_full(bool is_full) override { disk_full.push_back(is_full); }
  void on_warning(const std::string& sentence) override { warnings.push_back(sentence); }

  // ---- lives ----
  /// Recovers and begins to live; false when recovery refuses, `refusal` says why.
  bool try_open(const RecoveryOptions& options = {});
  void open(const RecoveryOptions& options = {});
  /// An orderly end.
  void close();
  /// The process dies; what it wrote is with the system.
  void kill();
  /// The power goes; what was not synced is gone, or is there.
  void cut_power_losing_all();
  void cut_power_losing_nothing();

  // ---- the broker ----
  LogPlace& append(std::string_view text, std::vector<std::uint64_t> queues = {1},
                   std::size_t shard = 0);
  void settle(const LogPlace& place, std::uint32_t index = 0, std::size_t shard = 0);
  /// Submits, and asks the log for it to be safe.
  LogTicket commit(std::size_t shard = 0);
  /// Submits what nobody waits for, and lets it be written but not synced.
  LogTicket write_unsynced(std::size_t shard = 0);
  std::string read(const LogPlace& place);
  bool is_committed(LogTicket ticket, std::size_t shard = 0) const;

  // ---- the threads ----
  Instant step() { return log->step(now); }
  void pass(std::int64_t ms) { now = now + std::chrono::milliseconds(ms); }
  /// Ends the segment here, with a checkpoint, and lets the keeper have it.
  void roll();
  /// The keeper's and the log's steps, a second apart each.
  void run_seconds(int seconds);

  // ---- what there is ----
  std::string path(const std::string& name) const { return folder + "/" + name; }
  /// Texts of what was found alive, in its order.
  std::vector<std::string> found_texts();
  std::vector<std::string> names_like(const std::string& part) const;

  FaultyDisk disk;
  LogSettings settings;
  std::size_t shard_count = 1;
  Instant now{1'000'000};

  std::string refusal;
  Recovered recovered;  ///< A copy of what was found, without what became of it.
  std::vector<LiveReference> found;
  /// Queues that nobody knows any more.
  std::vector<std::uint64_t> unknown_queues;

  std::unique_ptr<SegmentFiles> files;
  std::unique_ptr<DurableLog> log;
  std::unique_ptr<Keeper> keeper;
  std::vector<std::unique_ptr<ShardLog>> shards;
  std::unique_ptr<SegmentReader> reader;
  std::vector<int> wakes;

  std::vector<std::string> failures, warnings;
  std::vector<bool> disk_full;
  std::deque<LogPlace> places;
  std::deque<std::string> texts;
};

}  // namespace leveret::storage
